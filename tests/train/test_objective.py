from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.losses import CosineHead, am_softmax
from telltrace.models.multi_task import multi_task
from telltrace.models.registry import create_detector
from telltrace.models.two_stream import Evidence
from telltrace.train.config import ObjectiveConfig
from telltrace.train.objective import AMSoftmax, CrossEntropy, Information, create_objective

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
    objective = create_objective(network, ObjectiveConfig(map_weight=0.5, rank_weight=2.0))
    images, labels = torch.rand(4, 3, 64, 64), torch.tensor([0, 0, 1, 1])
    masks = torch.zeros(4, 64, 64)
    masks[2:, :32] = 1
    found = objective(network, images, labels, masks)
    expected = found["verdict"] + 0.5 * found["map"] + 2 * found["rank"]
    torch.testing.assert_close(found["loss"], expected)
    found["loss"].backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())
    alone = objective(network, images, labels)
    assert (alone["map"], alone["rank"]) == (0, 0)
