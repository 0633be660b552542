import math

import pytest
import torch

from telltrace.losses import AutomaticWeighting, automatic_weighting


def test_learned_spreads_find_the_least_of_the_sum() -> None:
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


def test_gradients_match_finite_differences() -> None:
    losses = torch.tensor([0.3, 2.0], dtype=torch.float64, requires_grad=True)
    spread = torch.tensor([0.7, -1.4], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(automatic_weighting, (losses, spread))
