import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import nn

from telltrace.losses import CrossEntropy, mix_batch

IMAGES, LABELS = torch.rand(4, 3, 2, 2), torch.tensor([0, 1, 1, 0])


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_mixed_labels_weigh_as_their_pixels_do(kind: str) -> None:
    """White images are fake: the mean of a mixed image is its probability of fake."""
    labels = torch.tensor([0, 1, 1, 0, 1, 0])
    images = labels.float().view(6, 1, 1, 1).expand(6, 3, 8, 8)
    shares = set()
    for seed in range(12):
        torch.manual_seed(seed)
        mixed, targets = mix_batch(images, labels, **{kind: 1.0})
        torch.testing.assert_close(mixed.mean((1, 2, 3)), targets[:, 1])
        torch.testing.assert_close(targets.sum(1), torch.ones(6))
        shares.add(targets[targets > 0].min().item())
        assert kind == "mixup" or set(mixed.unique().tolist()) <= {0.0, 1.0}
    assert len(shares) > 6


def test_shares_follow_the_beta_distribution() -> None:
    torch.manual_seed(0)
    images, labels = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1), torch.tensor([0, 1])
    shares = [mix_batch(images, labels, mixup=2.0)[0][0].item() for _ in range(1000)]
    assert stats.kstest(shares, stats.beta(2, 2).cdf).pvalue > 0.01


def test_partners_are_drawn() -> None:
    """Without a draw, a batch of pairs would mix each face with its neighbour only."""
    images = torch.eye(4).view(4, 1, 4, 1)
    partners = set()
    for seed in range(20):
        torch.manual_seed(seed)
        mixed, _ = mix_batch(images, torch.zeros(4, dtype=torch.int64), mixup=1.0)
        partners |= {tuple(row.nonzero().flatten().tolist()) for row in mixed.flatten(1)}
    assert partners == {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}


def test_with_both_each_draw_takes_one_of_the_two() -> None:
    labels = torch.tensor([0, 1])
    images = labels.float().view(2, 1, 1, 1).expand(2, 3, 16, 16)
    pasted = set()
    for seed in range(20):
        torch.manual_seed(seed)
        mixed, _ = mix_batch(images, labels, mixup=5.0, cutmix=5.0)
        pasted.add(set(mixed.unique().tolist()) <= {0.0, 1.0})
    assert pasted == {True, False}


def test_zero_mixes_nothing_and_less_is_refused() -> None:
    images, labels = mix_batch(IMAGES, LABELS)
    assert images is IMAGES
    assert labels is LABELS
    with pytest.raises(ValueError, match="not be negative, got -1"):
        mix_batch(IMAGES, LABELS, mixup=-1)


def test_cross_entropy_of_a_mixed_batch_by_hand() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    objective = CrossEntropy(label_smoothing=0.1, mixup=0.4, cutmix=1.0)
    for seed in range(6):
        torch.manual_seed(seed)
        found = objective(network, IMAGES, LABELS)["loss"]
        torch.manual_seed(seed)
        mixed, targets = mix_batch(IMAGES, LABELS, mixup=0.4, cutmix=1.0)
        torch.testing.assert_close(found, F.cross_entropy(network(mixed), 0.9 * targets + 0.05))
