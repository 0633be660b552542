import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import linprog
from torch import Tensor

from telltrace.losses.information import (
    AutomaticWeighting,
    Information,
    classification_loss,
    kl_information,
    wasserstein_information,
)

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "ib_losses.json").read_text())
LABELS = torch.tensor(GOLDEN["label"])
NAMES = ("p_y_given_z", "p_y_given_f_all", "p_y_given_f1_fn_list")


def published_heads() -> tuple[Tensor, Tensor, Tensor]:
    fused, joint, without = (torch.tensor(GOLDEN[k], dtype=torch.float64) for k in NAMES)
    return fused, joint, without


def loss_of(row: str, reference_compatible: bool = False) -> Information:
    """The loss that a row of the golden file such as ``mi=kl,gil=True,...`` names."""
    asked: dict[str, Any] = dict(part.split("=") for part in row.split(","))
    return Information(
        measure={"kl": "kl", "w": "wasserstein"}[asked["mi"]],  # type: ignore[arg-type]
        temperature=GOLDEN["temperature"],
        use_global=asked["gil"] == "True",
        use_local=asked["lil"] == "True",
        balance=asked["balance"],
        scales=tuple(GOLDEN["scales"]),
        reference_compatible=reference_compatible,
    ).double()


@pytest.mark.parametrize("row", GOLDEN["losses"])
def test_equals_the_published_losses(row: str) -> None:
    loss = loss_of(row, reference_compatible=True)
    parts = loss.parts(*published_heads(), LABELS)
    ours = [part.item() for part in parts if part is not None]
    assert ours == pytest.approx(GOLDEN["losses"][row]["parts"], rel=1e-8)
    total = loss.total(*published_heads(), LABELS).item()
    assert total == pytest.approx(GOLDEN["losses"][row]["total"], rel=1e-8)


@pytest.mark.parametrize("row", [row for row in GOLDEN["losses"] if "mi=kl" in row])
def test_our_divergence_is_not_halved_and_the_joint_head_always_classified(row: str) -> None:
    fused, joint, without = published_heads()
    loss, published = loss_of(row), iter(GOLDEN["losses"][row]["parts"])
    parts = loss.parts(fused, joint, without, LABELS)
    classified = next(published)
    if loss.use_local and not loss.use_global:
        classified += F.cross_entropy(joint, LABELS).item()
    assert parts.classification.item() == pytest.approx(classified, rel=1e-8)
    if parts.global_information is not None:
        assert parts.global_information.item() == pytest.approx(2 * next(published), rel=1e-8)
    if parts.local_information is not None:
        assert parts.local_information.item() == pytest.approx(next(published) ** 2, rel=1e-8)


@pytest.mark.parametrize("row", [row for row in GOLDEN["losses"] if "hyper" in row])
def test_every_scale_stays_with_its_loss(row: str) -> None:
    loss = loss_of(row)
    parts = loss.parts(*published_heads(), LABELS)
    pairs = zip(GOLDEN["scales"], parts, strict=True)
    expected = sum(scale * part.item() for scale, part in pairs if part is not None)
    assert loss.total(*published_heads(), LABELS).item() == pytest.approx(expected)


def optimum(cost: Tensor) -> float:
    """Least cost of a transport plan between uniform distributions, by linear programming."""
    n, m = cost.shape
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    sums = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    answer = linprog(cost.numpy().ravel(), A_eq=np.concatenate([rows, columns]), b_eq=sums)
    return float(answer.fun)


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("images", [1, 2, 7])
def test_wasserstein_distance_is_the_optimum_of_transport(classes: int, images: int) -> None:
    torch.manual_seed(classes)
    reference, answers = torch.randn(2, 3, images, classes, dtype=torch.float64)
    found = wasserstein_information(reference[:1], answers)
    for value, answer in zip(found, answers, strict=True):
        x, y = (logits.div(1.5).softmax(-1) for logits in (reference[0], answer))
        assert value.item() == pytest.approx(optimum(torch.cdist(x, y).square()), abs=1e-8)
    assert wasserstein_information(answers[0], answers[0]).item() == pytest.approx(0, abs=1e-15)


def test_divergence_is_torchs() -> None:
    _, reference, answers = published_heads()
    for answer in answers:
        p, q = (logits.div(1.5).log_softmax(1) for logits in (answer, reference))
        expected = F.kl_div(q, p, reduction="batchmean", log_target=True)
        torch.testing.assert_close(kl_information(reference, answer), expected)


@pytest.mark.parametrize("reference_compatible", [False, True])
@pytest.mark.parametrize("measure", ["kl", "wasserstein"])
def test_gradients_match_finite_differences(measure: Any, reference_compatible: bool) -> None:
    loss = Information(measure=measure, reference_compatible=reference_compatible).double()
    fused, joint, without = (logits.requires_grad_() for logits in published_heads())
    reference = joint.detach()

    def value(fused: Tensor, without: Tensor) -> Tensor:
        return loss.total(fused, reference, without, LABELS)

    assert torch.autograd.gradcheck(value, (fused, without))


def test_gradients_of_an_assignment_match_finite_differences() -> None:
    torch.manual_seed(0)
    reference, answer = torch.randn(2, 5, 3, dtype=torch.float64)
    arguments = (reference, answer.requires_grad_())
    assert torch.autograd.gradcheck(wasserstein_information, arguments)


def test_the_joint_head_is_a_fixed_target_of_the_information_losses() -> None:
    fused, joint, without = (logits.requires_grad_() for logits in published_heads())
    parts = Information().double().parts(fused, joint, without, LABELS)
    assert parts.global_information is not None
    assert parts.local_information is not None
    (parts.global_information + parts.local_information).backward()
    assert joint.grad is None
    assert fused.grad.any()
    assert without.grad.any()


def test_the_local_loss_is_1_if_no_branch_matters_and_falls_as_they_do() -> None:
    fused, joint, _ = published_heads()
    moved = [joint.repeat(3, 1, 1) + torch.tensor([s, -s]).double() for s in (0, 1, 2)]
    loss = Information().double()
    values = [loss.parts(fused, joint, without, LABELS)[2].item() for without in moved]
    assert values[0] == 1
    assert all(a > b > 0 for a, b in pairwise(values))


def test_classification_counts_every_head() -> None:
    fused, joint, without = published_heads()
    heads = torch.cat([fused[None], joint[None], without])
    expected = sum(F.cross_entropy(head, LABELS) for head in heads)
    torch.testing.assert_close(classification_loss(heads, LABELS), expected)


@pytest.mark.parametrize("balance", ["auto", "hyper", "none"])
def test_mixed_targets_are_the_mean_of_both_labels_losses(balance: Any) -> None:
    """The published code runs the whole criterion once a label; ours shares what is the same."""
    loss, heads, share = Information(balance=balance).double(), published_heads(), 0.7
    first, second = F.one_hot(LABELS, 2).double(), F.one_hot(LABELS.roll(1), 2).double()
    mixed = loss.total(*heads, share * first + (1 - share) * second)
    expected = share * loss.total(*heads, LABELS) + (1 - share) * loss.total(*heads, LABELS.roll(1))
    torch.testing.assert_close(mixed, expected)


@pytest.mark.parametrize(("use_global", "use_local"), [(True, False), (False, True), (False,) * 2])
def test_a_loss_that_is_off_is_left_out(use_global: bool, use_local: bool) -> None:
    loss = Information(use_global=use_global, use_local=use_local).double()
    parts = loss.parts(*published_heads(), LABELS)
    assert (parts.global_information is None) != use_global
    assert (parts.local_information is None) != use_local
    assert len(loss.loss["weighting"].spread) == 1 + use_global + use_local


def test_a_confident_network_gives_no_nan() -> None:
    heads = torch.tensor([[80.0, -80.0], [-90.0, 90.0]], requires_grad=True)
    for measure in ("kl", "wasserstein"):
        loss = Information(measure=measure)  # type: ignore[arg-type]
        heads.grad = None
        loss.total(heads, -heads, torch.stack([heads, -heads]), torch.tensor([0, 1])).backward()
        assert heads.grad.isfinite().all()


@pytest.mark.parametrize(
    ("options", "words"), [({"measure": "mmd"}, "kl, wasserstein"), ({"balance": "x"}, "hyper")]
)
def test_refuses_what_it_does_not_know(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Information(**options)


def test_learned_deviations_find_the_least_of_the_sum() -> None:
    """For a loss L the sum is least where the variance v solves L (1 + v) = 2 v^2."""
    losses = [torch.tensor(x, dtype=torch.float64) for x in (0.1, 1.0, 5.0)]
    weighting = AutomaticWeighting(3).double()
    optimizer = torch.optim.Adam(weighting.parameters(), lr=0.05)
    for _ in range(500):
        optimizer.zero_grad()
        weighting(losses).backward()
        optimizer.step()
    expected = [(x + math.sqrt(x * x + 8 * x)) / 4 for x in (0.1, 1.0, 5.0)]
    assert weighting.spread.square().tolist() == pytest.approx(expected, rel=1e-3)


def test_gradients_of_the_weighting_match_finite_differences() -> None:
    losses = torch.tensor([0.3, 2.0], dtype=torch.float64, requires_grad=True)
    weighting = AutomaticWeighting(2).double()
    weighting.spread.data = torch.tensor([0.7, -1.4], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x, _: weighting(x), (losses, weighting.spread))
