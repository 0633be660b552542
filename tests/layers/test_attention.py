import pytest
import torch
from torch import Tensor, nn

from telltrace.layers.attention import ChannelAttention, DualCrossAttention, SpatialAttention


def _open(attend: nn.Module) -> nn.Module:
    """Weights of order one in float64, so that every path matters."""
    attend = attend.double()
    for parameter in attend.parameters():
        nn.init.normal_(parameter, std=0.5)
    return attend


def _as_written(attend: DualCrossAttention, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The paper's equations, one sample and one position at a time."""
    answers = []
    for a, b in zip(x, y, strict=True):
        kx = attend.shared_key(attend.key1(a[None]))[0].flatten(1)
        ky = attend.shared_key(attend.key2(b[None]))[0].flatten(1)
        energy = torch.stack([torch.stack([(p * q).sum() for q in ky.T]) for p in kx.T])
        from_y = attend.places1(energy).softmax(-1)
        from_x = attend.places2(energy.T).softmax(-1)
        vy, vx = attend.value2(b[None])[0].flatten(1), attend.value1(a[None])[0].flatten(1)
        to_a = torch.stack([(vy * row).sum(1) for row in from_y], dim=1).view_as(a)
        to_b = torch.stack([(vx * row).sum(1) for row in from_x], dim=1).view_as(b)
        answers.append((a + attend.gate1 * to_a, b + attend.gate2 * to_b))
    first, second = zip(*answers, strict=True)
    return torch.stack(first), torch.stack(second)


def test_cross_attention_is_what_the_paper_writes() -> None:
    attend = _open(DualCrossAttention(16, positions=6))
    x, y = torch.randn(2, 3, 16, 2, 3, dtype=torch.float64)
    for ours, written in zip(attend(x, y), _as_written(attend, x, y), strict=True):
        torch.testing.assert_close(ours, written, rtol=1e-10, atol=1e-12)


def test_cross_attention_maps_are_distributions() -> None:
    attend = _open(DualCrossAttention(16, positions=6))
    x, y = torch.randn(2, 3, 16, 2, 3, dtype=torch.float64)
    maps = attend.maps(x, y)
    assert not torch.allclose(*maps)
    for attention in maps:
        assert attention.shape == (3, 6, 6)
        torch.testing.assert_close(attention.sum(-1), torch.ones(3, 6, dtype=torch.float64))


def test_cross_attention_gradients_match_finite_differences() -> None:
    attend = _open(DualCrossAttention(8, positions=4))
    x, y = torch.randn(2, 1, 8, 2, 2, dtype=torch.float64)
    assert torch.autograd.gradcheck(attend, (x.requires_grad_(), y.requires_grad_()))


@pytest.mark.parametrize(("gate", "learns"), [(0.0, {"gate1", "gate2"}), (0.1, None)])
def test_only_open_gates_let_everything_learn(gate: float, learns: set[str] | None) -> None:
    attend = DualCrossAttention(16, positions=6, gate=gate)
    for out in attend(*torch.randn(2, 3, 16, 2, 3)):
        out.square().sum().backward(retain_graph=True)
    learning = {name for name, p in attend.named_parameters() if p.grad.any()}
    assert learning == (learns or {name for name, _ in attend.named_parameters()})


def test_cross_attention_says_for_what_size_to_build_it() -> None:
    attend = DualCrossAttention(16, positions=6)
    with pytest.raises(ValueError, match=r"6 positions, got \(4, 4\).*positions=16"):
        attend(*torch.rand(2, 1, 16, 4, 4))


def test_channel_attention_is_one_shared_layer_on_two_summaries() -> None:
    attend = _open(ChannelAttention(32))
    x = torch.randn(2, 32, 3, 5, dtype=torch.float64)

    def shared(summary: Tensor) -> Tensor:
        return attend.excite(attend.squeeze(summary).relu())

    apart = shared(x.mean((2, 3), keepdim=True)) + shared(x.amax((2, 3), keepdim=True))
    torch.testing.assert_close(attend(x), apart.sigmoid(), rtol=1e-10, atol=1e-12)
    assert attend(x).std() > 0.01


def test_spatial_attention_sees_only_mean_and_maximum() -> None:
    attend = _open(SpatialAttention())
    x = torch.randn(2, 6, 5, 5, dtype=torch.float64)
    torch.testing.assert_close(attend(x), attend(x.flip(1)))
    assert not torch.allclose(attend(x), attend(2 * x))
    assert attend(x).shape == (2, 1, 5, 5)
