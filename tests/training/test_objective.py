from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.losses import (
    AMSoftmax,
    CosineHead,
    CrossEntropy,
    Information,
    am_softmax,
)
from telltrace.models.multi_task import MultiTask
from telltrace.models.registry import create_detector
from telltrace.models.two_stream import Evidence
from telltrace.training.config import ObjectiveConfig
from telltrace.training.initialize import create_objective

IMAGES, LABELS = torch.rand(4, 3, 2, 2), torch.tensor([0, 1, 1, 0])


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(12, 2)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(images.flatten(1))


class Cosine(nn.Module):
    objectives = (AMSoftmax,)

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
    objectives = (Information,)

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
    with pytest.raises(ValueError, match=r"Plain has no objective 'information', only cross_ent"):
        create_objective(Plain(), ObjectiveConfig(name="information"))
    with pytest.raises(ValueError, match=r"only multi_task, cross_entropy. Use --.* multi_task"):
        create_objective(MultiTask(), ObjectiveConfig(name="information"))
    with pytest.raises(ValueError, match=r"Several has no objective 'multi_task'.*information"):
        create_objective(Several(), ObjectiveConfig(name="multi_task"))


def test_a_detector_brings_a_loss_of_its_own_and_its_settings() -> None:
    """A new detector's loss stands in the detector's file; no table names it."""

    class Squared(nn.Module):
        name = "squared"

        def __init__(self, margin: float = 3.0) -> None:
            super().__init__()
            self.margin = margin

        def forward(self, network: nn.Module, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
            return {"loss": (network(images).sum(1) - self.margin * labels).square().mean()}

    class Toy(Plain):
        objectives = (Squared,)

    objective = create_objective(Toy(), ObjectiveConfig(margin=2.0))
    assert isinstance(objective, Squared)
    assert objective.margin == 2.0
    assert isinstance(create_objective(Toy(), ObjectiveConfig(name="cross_entropy")), CrossEntropy)


def test_three_tasks_decode_the_share_of_the_true_class() -> None:
    network, images = MultiTask(), torch.rand(4, 3, 32, 32)
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
    network = MultiTask().eval()
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
