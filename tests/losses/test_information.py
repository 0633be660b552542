import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from telltrace.losses import (
    InformationBottleneckLoss,
    classification_loss,
    draw_mix,
    global_information_loss,
    kl_information,
    local_information_loss,
    squared_distances,
    wasserstein_information,
)
from telltrace.losses.mixup import Mix

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "ib_losses.json").read_text())
LABELS = torch.tensor(GOLDEN["label"])
NAMES = ("p_y_given_z", "p_y_given_f_all", "p_y_given_f1_fn_list")


def published_heads() -> tuple[Tensor, Tensor, Tensor]:
    fused, joint, without = (torch.tensor(GOLDEN[k], dtype=torch.float64) for k in NAMES)
    return fused, joint, without


def objective(row: str, released: bool) -> InformationBottleneckLoss:
    """The loss that a row of the golden file such as ``mi=kl,gil=True,...`` names."""
    asked: dict[str, Any] = dict(part.split("=") for part in row.split(","))
    return InformationBottleneckLoss(
        {"kl": "kl", "w": "wasserstein"}[asked["mi"]],  # type: ignore[arg-type]
        temperature=GOLDEN["temperature"],
        use_global=asked["gil"] == "True",
        use_local=asked["lil"] == "True",
        balance=asked["balance"],
        scales=tuple(GOLDEN["scales"]),
        released=released,
    ).double()


@pytest.mark.parametrize("row", GOLDEN["losses"])
def test_equals_the_published_losses(row: str) -> None:
    loss = objective(row, released=True)
    parts = loss.parts(*published_heads(), LABELS)
    ours = [part.item() for part in parts if part is not None]
    assert ours == pytest.approx(GOLDEN["losses"][row]["parts"], rel=1e-8)
    total = loss(*published_heads(), LABELS).item()
    assert total == pytest.approx(GOLDEN["losses"][row]["total"], rel=1e-8)


def test_our_divergence_is_twice_the_published_one_for_two_classes() -> None:
    row = "mi=kl,gil=True,lil=True,balance=hyper"
    ours = objective(row, released=False).parts(*published_heads(), LABELS)
    _, published_global, published_local = GOLDEN["losses"][row]["parts"]
    assert ours.global_information.item() == pytest.approx(2 * published_global)
    assert ours.local_information.item() == pytest.approx(published_local**2)


def test_our_joint_head_is_classified_whenever_it_is_the_reference() -> None:
    row = "mi=kl,gil=False,lil=True,balance=hyper"
    fused, joint, without = published_heads()
    ours = objective(row, released=False).parts(fused, joint, without, LABELS)
    published = GOLDEN["losses"][row]["parts"][0]
    assert ours.classification.item() == pytest.approx(
        published + F.cross_entropy(joint, LABELS).item()
    )


def test_our_scales_keep_their_places_when_a_loss_is_off() -> None:
    row = "mi=kl,gil=False,lil=True,balance=hyper"
    for released, scale in ((True, 2), (False, 10)):
        loss = objective(row, released)
        parts = loss.parts(*published_heads(), LABELS)
        expected = parts.classification + scale * parts.local_information
        torch.testing.assert_close(loss.weigh(parts), expected)


def test_our_wasserstein_distance_of_equal_answers_is_0_and_the_published_one_is_not() -> None:
    fused, _, _ = published_heads()
    assert wasserstein_information(fused, fused).item() == pytest.approx(0, abs=1e-30)
    assert wasserstein_information(fused, fused, released=True).item() > 1


def test_divergence_is_torchs() -> None:
    _, reference, answers = published_heads()
    for answer in answers:
        p, q = (logits.div(1.5).log_softmax(1) for logits in (answer, reference))
        expected = F.kl_div(q, p, reduction="batchmean", log_target=True)
        torch.testing.assert_close(kl_information(reference, answer), expected)
        with pytest.warns(UserWarning, match="batchmean"):
            halved = F.kl_div(q, p, reduction="mean", log_target=True)
        torch.testing.assert_close(kl_information(reference, answer, reduction="mean"), halved)


def test_exact_and_regularised_wasserstein_agree() -> None:
    fused, joint, _ = published_heads()
    exact = wasserstein_information(fused, joint).item()
    near = wasserstein_information(fused, joint, eps=1e-3, iterations=5000).item()
    assert near == pytest.approx(exact, rel=0.01)
    cost = squared_distances(*(logits.div(1.5).softmax(-1) for logits in (fused, joint)))
    assert exact <= cost.diagonal().mean().item()


def test_three_classes_are_carried_by_sinkhorn() -> None:
    points = torch.eye(3, dtype=torch.float64) * 30
    moved = points[[1, 2, 0]]
    assert wasserstein_information(points, moved).item() == pytest.approx(0, abs=1e-6)
    assert wasserstein_information(points, points[[0, 0, 0]]).item() == pytest.approx(4 / 3)


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("measure", ["kl", "wasserstein"])
def test_gradients_match_finite_differences(measure: Any, released: bool) -> None:
    loss = InformationBottleneckLoss(measure, released=released).double()
    fused, joint, without = (logits.requires_grad_() for logits in published_heads())
    reference = joint.detach()

    def value(fused: Tensor, without: Tensor) -> Tensor:
        return loss(fused, reference, without, LABELS)

    assert torch.autograd.gradcheck(value, (fused, without))


def test_sinkhorn_information_gradients_match_finite_differences() -> None:
    fused, joint, _ = published_heads()
    assert torch.autograd.gradcheck(
        lambda a: wasserstein_information(joint, a, eps=0.1, iterations=30, tolerance=0),
        (fused.requires_grad_(),),
    )


def test_the_joint_head_is_a_fixed_target_of_the_information_losses() -> None:
    fused, joint, without = (logits.requires_grad_() for logits in published_heads())
    total = global_information_loss(fused, joint, kl_information)
    total = total + local_information_loss(joint, without, kl_information)
    total.backward()
    assert joint.grad is None
    assert fused.grad.any()
    assert without.grad.any()


def test_the_local_loss_is_1_if_no_branch_matters_and_falls_as_they_do() -> None:
    _, joint, _ = published_heads()
    moved = [joint.repeat(3, 1, 1) + torch.tensor([s, -s]).double() for s in (0, 1, 2)]
    values = [local_information_loss(joint, w, kl_information).item() for w in moved]
    assert values[0] == 1
    assert all(a > b > 0 for a, b in pairwise(values))


def test_classification_counts_every_head() -> None:
    fused, joint, without = published_heads()
    heads = torch.cat([fused[None], joint[None], without])
    expected = sum(F.cross_entropy(head, LABELS) for head in heads)
    torch.testing.assert_close(classification_loss(heads, LABELS), expected)


@pytest.mark.parametrize("balance", ["auto", "hyper", "none"])
def test_mixup_is_the_mean_of_both_labels_losses(balance: Any) -> None:
    """The published code runs the whole criterion once a label; ours shares what is the same."""
    loss = InformationBottleneckLoss(balance=balance).double()
    heads = published_heads()
    mix = draw_mix(len(LABELS), np.random.default_rng(0))
    mixed = loss(*heads, LABELS, mix)
    first, second = loss(*heads, LABELS), loss(*heads, LABELS[mix.order])
    torch.testing.assert_close(mixed, mix.share * first + (1 - mix.share) * second)


def test_a_mix_of_nothing_is_no_mix() -> None:
    loss = InformationBottleneckLoss().double()
    mix = Mix(1.0, torch.tensor([3, 2, 1, 0]))
    torch.testing.assert_close(
        loss(*published_heads(), LABELS, mix), loss(*published_heads(), LABELS)
    )


@pytest.mark.parametrize(("use_global", "use_local"), [(True, False), (False, True), (False,) * 2])
def test_a_loss_that_is_off_is_left_out(use_global: bool, use_local: bool) -> None:
    loss = InformationBottleneckLoss(use_global=use_global, use_local=use_local).double()
    parts = loss.parts(*published_heads(), LABELS)
    assert (parts.global_information is None) != use_global
    assert (parts.local_information is None) != use_local
    assert len(loss.weighting.spread) == 1 + use_global + use_local


def test_a_confident_network_gives_no_nan() -> None:
    heads = torch.tensor([[80.0, -80.0], [-90.0, 90.0]], requires_grad=True)
    for measure in ("kl", "wasserstein"):
        loss = InformationBottleneckLoss(measure)  # type: ignore[arg-type]
        heads.grad = None
        loss(heads, -heads, torch.stack([heads, -heads]), torch.tensor([0, 1])).backward()
        assert heads.grad.isfinite().all()


@pytest.mark.parametrize(
    ("options", "words"), [({"measure": "mmd"}, "kl, wasserstein"), ({"balance": "x"}, "hyper")]
)
def test_refuses_what_it_does_not_know(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        InformationBottleneckLoss(**options)
