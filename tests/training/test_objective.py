from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.losses import CosineHead, am_softmax
from telltrace.models.multi_task import multi_task
from telltrace.models.registry import create_detector
from telltrace.models.two_stream import Evidence
from telltrace.training.config import ObjectiveConfig
from telltrace.training.mixing import mix_batch
from telltrace.training.objective import AMSoftmax, CrossEntropy, Information, create_objective

IMAGES, LABELS = torch.rand(4, 3, 2, 2), torch.tensor([0, 1, 1, 0])


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(12, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(images.flatten(1))


class Cosine(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = CosineHead(12, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(images.flatten(1))

    def evidence(self, images: Tensor) -> Evidence:
        feature = images.flatten(1)
        cosines = F.linear(F.normalize(feature), F.normalize(self.head.weight))
        return Evidence(self.head(feature), cosines, feature, feature)


class Heads(NamedTuple):
    fused: Tensor
    joint: Tensor
    without: Tensor


class Several(Plain):
    def verdicts(self, images: Tensor) -> Heads:
        logits = self(images)
        return Heads(logits, logits + 1, torch.stack([logits, 2 * logits]))


@pytest.mark.parametrize(
    ("network", "kind"), [(Plain(), CrossEntropy), (Cosine(), AMSoftmax), (Several(), Information)]
)
def test_each_detector_gets_the_objective_of_its_paper(network: nn.Module, kind: type) -> None:
    objective = create_objective(network, ObjectiveConfig())
    assert isinstance(objective, kind)
    objective(network, IMAGES, LABELS)["loss"].backward()
    for name, parameter in [*network.named_parameters(), *objective.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_another_objective_can_be_asked_for() -> None:
    network = Cosine()
    objective = create_objective(network, ObjectiveConfig(name="cross_entropy"))
    found = objective(network, IMAGES, LABELS)["loss"]
    torch.testing.assert_close(found, F.cross_entropy(network(IMAGES), LABELS))


def test_margin_and_scale_reach_the_loss() -> None:
    network = Cosine()
    config = ObjectiveConfig(margin=0.2, scale=10.0, gamma=1.0, kind="angular")
    found = create_objective(network, config)(network, IMAGES, LABELS)["loss"]
    cosines = network.evidence(IMAGES).cosines
    expected = am_softmax(cosines, LABELS, kind="angular", margin=0.2, scale=10.0, gamma=1.0)
    torch.testing.assert_close(found, expected)


def test_mixup_depends_on_the_step_alone() -> None:
    network = Several()
    objective = create_objective(network, ObjectiveConfig())

    def loss(seed: int) -> float:
        torch.manual_seed(seed)
        return objective(network, IMAGES, LABELS)["loss"].item()

    assert loss(3) == loss(3)
    assert loss(3) != loss(4)


def test_an_objective_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"needs a detector with a method 'verdicts'; Plain has"):
        create_objective(Plain(), ObjectiveConfig(name="information"))
    with pytest.raises(ValueError, match=r"MultiTask has none that fits. Use --obj.* multi_task"):
        create_objective(multi_task(), ObjectiveConfig(name="information"))
    with pytest.raises(ValueError, match=r"Several has none that fits. Use --obj.* information"):
        create_objective(Several(), ObjectiveConfig(name="multi_task"))


def test_three_tasks_decode_the_share_of_the_true_class() -> None:
    network, images = multi_task(), torch.rand(4, 3, 32, 32)
    objective = create_objective(network, ObjectiveConfig())
    losses = objective(network, images, LABELS)
    verdicts = network.verdicts(images, LABELS)
    expected = F.mse_loss(verdicts.reconstruction, images)
    torch.testing.assert_close(losses["reconstruction"], expected)
    parts = (losses[name] for name in ("activation", "segmentation", "reconstruction"))
    torch.testing.assert_close(losses["loss"], sum(parts, start=torch.zeros(())))
    losses["loss"].backward()
    assert not [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]


def test_localization_adds_the_map_and_ranks_each_forgery_above_its_face() -> None:
    network = create_detector("blend_map", width=8).train()
    objective = create_objective(
        network, ObjectiveConfig(map_weight=0.5, rank_weight=2.0), paired=True
    )
    images, labels = torch.rand(4, 3, 64, 64), torch.tensor([0, 0, 1, 1])
    masks = torch.zeros(4, 64, 64)
    masks[2:, :32] = 1
    found = objective(network, images, labels, masks)
    expected = found["verdict"] + 0.5 * found["map"] + 2 * found["rank"]
    torch.testing.assert_close(found["loss"], expected)
    found["loss"].backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())
    alone = objective(network, images, labels)
    assert alone["map"] == 0
    unpaired = create_objective(network, ObjectiveConfig())(network, images, labels, masks)
    assert (found["rank"] > 0, unpaired["rank"] == 0) == (True, True)


def test_a_map_is_learnt_from_the_masks_that_are_known() -> None:
    network = create_detector("blend_map", width=8).eval()
    objective = create_objective(network, ObjectiveConfig())
    images, labels = torch.rand(4, 3, 64, 64), torch.tensor([0, 1, 1, 0])
    masks = torch.zeros(4, 64, 64)
    masks[1] = 1
    masks[2] = -1
    known = objective(network, images, labels, masks)["map"]
    kept = [0, 1, 3]
    expected = objective(network, images[kept], labels[kept], masks[kept])["map"]
    torch.testing.assert_close(known, expected)
    assert objective(network, images, labels, torch.full_like(masks, -1))["map"] == 0


def test_masks_teach_the_segmentation_where_they_are_known() -> None:
    network = multi_task().eval()
    objective = create_objective(network, ObjectiveConfig())
    images, labels = torch.rand(3, 3, 32, 32), torch.tensor([0, 1, 1])
    masks = torch.zeros(3, 32, 32)
    masks[1, :16] = 1
    masks[2] = -1
    found = objective(network, images, labels, masks)["segmentation"]
    pixels = network.verdicts(images, labels).segmentation[:2]
    expected = F.cross_entropy(pixels, masks[:2].long())
    torch.testing.assert_close(found, expected)
    without = objective(network, images, labels)["segmentation"]
    torch.testing.assert_close(without, F.cross_entropy(pixels[:1], masks[:1].long()))


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_mixed_labels_weigh_as_their_pixels_do(kind: str) -> None:
    """A network that reads the share of white pixels: its mean is the mean of the labels."""
    images = torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0, 0.0]).view(6, 1, 1, 1).expand(6, 3, 8, 8)
    shares = set()
    for seed in range(12):
        torch.manual_seed(seed)
        mixed, mix = mix_batch(images, **{kind: 1.0})
        white = mixed.mean((1, 2, 3))
        own = images[:, 0, 0, 0]
        torch.testing.assert_close(white, mix.share * own + (1 - mix.share) * own[mix.order])
        shares.add(mix.share)
        flat = {round(v, 6) for v in mixed.unique().tolist()}
        assert kind == "mixup" or flat <= {0.0, 1.0}
    assert len(shares) > 6


def test_cross_entropy_of_a_mixed_batch_by_hand() -> None:
    network = Plain()
    objective = CrossEntropy(label_smoothing=0.1, mixup=0.4, cutmix=1.0)
    for seed in range(6):
        torch.manual_seed(seed)
        found = objective(network, IMAGES, LABELS)["loss"]
        torch.manual_seed(seed)
        mixed, mix = mix_batch(IMAGES, 0.4, 1.0)
        soft = F.one_hot(LABELS, 2) * 0.9 + 0.05
        target = mix.share * soft + (1 - mix.share) * soft[mix.order]
        torch.testing.assert_close(found, F.cross_entropy(network(mixed), target))
