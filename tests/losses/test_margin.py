import json
import math
import warnings
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from telltrace.losses.margin import CosineHead, Margin, am_softmax, with_margin

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "am_softmax.json").read_text())
KINDS: dict[str, Margin] = {"cos": "cosine", "arc": "angular"}


@pytest.mark.parametrize("row", GOLDEN["loss"])
def test_equals_the_released_loss(row: str) -> None:
    kind, gamma = row.split(",gamma=")
    loss = am_softmax(
        torch.tensor(GOLDEN["cos_theta"], dtype=torch.float64),
        torch.tensor(GOLDEN["target"]),
        kind=KINDS[kind],
        margin=GOLDEN["margin"],
        scale=GOLDEN["scale"],
        gamma=float(gamma),
    )
    assert loss.item() == pytest.approx(GOLDEN["loss"][row], rel=1e-12)


def test_our_mask_is_boolean_and_the_released_one_is_on_its_way_out() -> None:
    cosines = torch.tensor(GOLDEN["cos_theta"])
    labels = torch.tensor(GOLDEN["target"])
    mask = torch.zeros_like(cosines, dtype=torch.uint8).scatter_(1, labels[:, None], 1)
    with pytest.warns(UserWarning, match="uint8"):
        released = torch.where(mask, cosines - 0.5, cosines)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = with_margin(cosines, labels)
    assert torch.equal(ours, released)


@given(angle=st.floats(0.0, math.pi), margin=st.floats(0.05, 1.0))
def test_the_angular_margin_turns_until_it_would_turn_back(angle: float, margin: float) -> None:
    cosine = torch.tensor([[math.cos(angle), 0.3]], dtype=torch.float64)
    turned = with_margin(cosine, torch.tensor([0]), kind="angular", margin=margin)
    assert turned[0, 1] == 0.3
    if angle < math.pi - margin - 1e-6:
        assert turned[0, 0].item() == pytest.approx(math.cos(angle + margin), abs=1e-7)
    elif angle > math.pi - margin + 1e-6:
        expected = math.cos(angle) - margin * math.sin(margin)
        assert turned[0, 0].item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("kind", ["cosine", "angular"])
@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_gradients_match_finite_differences(kind: Margin, gamma: float, scale: float) -> None:
    cosines = (2 * torch.rand(6, 3, dtype=torch.float64) - 1).requires_grad_()
    labels = torch.tensor([0, 1, 2, 0, 1, 2])

    def loss(at: Tensor) -> Tensor:
        return am_softmax(at, labels, kind=kind, gamma=gamma, scale=scale)

    assert torch.autograd.gradcheck(loss, (cosines,))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("kind", ["cosine", "angular"])
def test_a_saturated_cosine_leaves_gradients_finite(kind: Margin, gamma: float) -> None:
    cosines = torch.tensor([[1.0, -1.0], [-1.0, 1.0], [1.0, -1.0]], requires_grad=True)
    loss = am_softmax(cosines, torch.tensor([0, 1, 1]), kind=kind, gamma=gamma)
    loss.backward()
    assert loss.isfinite()
    assert cosines.grad is not None
    assert cosines.grad.isfinite().all()
    assert cosines.grad.any()


def test_gamma_weighs_each_row_by_what_it_still_lacks() -> None:
    cosines = torch.tensor([[0.4, 0.1], [0.2, 0.3]], dtype=torch.float64)
    labels = torch.tensor([0, 1])
    p = (4 * (cosines - 0.1 * torch.eye(2))).softmax(1).diagonal()
    by_hand = -((1 - p) ** 1.5 * p.log()).mean()
    loss = am_softmax(cosines, labels, margin=0.1, scale=4, gamma=1.5)
    torch.testing.assert_close(loss, by_hand)


def test_a_vanishing_margin_is_plain_cross_entropy() -> None:
    cosines = 2 * torch.rand(5, 2, dtype=torch.float64) - 1
    labels = torch.tensor([0, 1, 1, 0, 1])
    plain = F.cross_entropy(30 * cosines, labels)
    torch.testing.assert_close(am_softmax(cosines, labels, margin=1e-12), plain)
    assert am_softmax(cosines, labels) > plain


@given(factor=st.floats(0.01, 100))
def test_the_cosine_head_ignores_length(factor: float) -> None:
    head = CosineHead(8, 2).double()
    feature = torch.linspace(-1, 2, 24, dtype=torch.float64).view(3, 8)
    torch.testing.assert_close(head(factor * feature), head(feature))


def test_the_cosine_head_measures_angles() -> None:
    head = CosineHead(2, 2, scale=10)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[2.0, 0.0], [0.0, 5.0]]))
    torch.testing.assert_close(head(torch.tensor([[3.0, 4.0]])), torch.tensor([[6.0, 8.0]]))


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("kind", "sine", "'sine'"),
        ("margin", 0.0, "0 is plain cross-entropy"),
        ("scale", -1.0, "positive, got -1"),
        ("gamma", -0.5, "not be negative, got -0.5"),
    ],
)
def test_senseless_options_are_refused(option: str, value: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        am_softmax(torch.zeros(1, 2), torch.tensor([0]), **{option: value})  # type: ignore[arg-type]
