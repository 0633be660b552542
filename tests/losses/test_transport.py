import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from torch import Tensor

from telltrace.losses import line_transport, sinkhorn, squared_distances


def optimum(cost: Tensor) -> float:
    """Least cost of a transport plan between uniform distributions, by linear programming."""
    n, m = cost.shape
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    sums = np.concatenate([np.full(n, 1 / n), np.full(m, 1 / m)])
    answer = linprog(cost.numpy().ravel(), A_eq=np.concatenate([rows, columns]), b_eq=sums)
    return float(answer.fun)


def clouds(n: int, m: int, seed: int = 0) -> Tensor:
    """Costs between two clouds of points in the plane."""
    points = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(k, 2, generator=points, dtype=torch.float64) for k in (n, m))
    return squared_distances(x, y + 1)


@pytest.mark.parametrize(("n", "m"), [(4, 4), (8, 5), (16, 16), (3, 24)])
@pytest.mark.parametrize("seed", range(3))
def test_sinkhorn_comes_within_one_percent_of_the_optimum(n: int, m: int, seed: int) -> None:
    cost = clouds(n, m, seed)
    best = optimum(cost)
    assert sinkhorn(cost).item() == pytest.approx(best, rel=0.01)


def test_the_published_arithmetic_and_stopping_rule_do_not_come_near() -> None:
    cost = clouds(16, 16)
    published = sinkhorn(cost, iterations=100, tolerance=0.1, released=True).item()
    assert published < 0.9 * optimum(cost)


def test_fewer_iterations_are_further_from_the_row_sums() -> None:
    cost = clouds(8, 8)
    best = optimum(cost)
    errors = [abs(sinkhorn(cost, iterations=k).item() - best) for k in (1, 10, 1000)]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("released", [False, True])
def test_problems_stop_by_themselves(released: bool) -> None:
    """Solved together and one by one: the same, though they need different iterations."""
    costs = torch.stack([clouds(6, 6, seed) * (1 + 4 * seed) for seed in range(4)])
    kwargs = {"tolerance": 0.01, "released": released}
    together = sinkhorn(costs, **kwargs)
    alone = torch.stack([sinkhorn(cost, **kwargs) for cost in costs])
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=0)
    assert sinkhorn(costs.reshape(2, 2, 6, 6), **kwargs).shape == (2, 2)


@pytest.mark.parametrize("released", [False, True])
def test_sinkhorn_gradients_match_finite_differences(released: bool) -> None:
    cost = clouds(3, 4).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda c: sinkhorn(c, eps=0.5, iterations=20, tolerance=0, released=released), (cost,)
    )


def test_equal_prices_cost_that_price() -> None:
    assert sinkhorn(torch.full((5, 7), 3.0)).item() == pytest.approx(3.0, rel=1e-5)


def test_high_prices_do_not_overflow() -> None:
    cost = clouds(6, 6).float() * 1e4
    assert sinkhorn(cost, eps=1e2).item() == pytest.approx(optimum(cost), rel=0.05)


@pytest.mark.parametrize(("eps", "iterations"), [(0.0, 10), (0.1, 0)])
def test_refuses_what_cannot_run(eps: float, iterations: int) -> None:
    with pytest.raises(ValueError, match=f"eps={eps}, iterations={iterations}"):
        sinkhorn(torch.ones(2, 2), eps=eps, iterations=iterations)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=8))
def test_sorting_is_the_optimum_on_a_line(pairs: list[tuple[float, float]]) -> None:
    x, y = torch.tensor(pairs, dtype=torch.float64).T
    best = optimum(squared_distances(x[:, None], y[:, None]))
    assert line_transport(x, y).item() == pytest.approx(best, abs=1e-6)
