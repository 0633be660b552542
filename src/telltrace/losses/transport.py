"""Optimal transport between two clouds of points: by Sinkhorn's iterations, or exact on a line."""

import math

import torch
from torch import Tensor


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Cost of moving every point of one cloud onto every point of the other.

    Shape:
        - x: (..., N, K)
        - y: (..., M, K)
        - Output: (..., N, M), squared Euclidean distances
    """
    return (x.unsqueeze(-2) - y.unsqueeze(-3)).square().sum(-1)


def line_transport(x: Tensor, y: Tensor) -> Tensor:
    """Least mean squared move that carries one set of numbers onto another: sort both.

    Shape:
        - x, y: (..., N)
        - Output: (...)

    References:
        Peyré and Cuturi, "Computational Optimal Transport", 2019, remark 2.28.

    Examples:
        >>> float(line_transport(torch.tensor([0.0, 1.0]), torch.tensor([3.0, 0.0])))
        2.0
    """
    return (x.sort(-1).values - y.sort(-1).values).square().mean(-1)


def sinkhorn(
    cost: Tensor,
    *,
    eps: float = 0.01,
    iterations: int = 1000,
    tolerance: float = 1e-6,
    released: bool = False,
) -> Tensor:
    """What it costs to carry one uniform distribution onto another.

    Every problem of a batch stops by itself, so that solving many together answers what
    solving them one by one does. The gradient is that of the iterations as they ran. Stopped
    too early the plan carries too little, so the answer is too low.

    Args:
        cost: Price of each move; any unit.
        eps: Weight of the entropy, in the unit of ``cost``. Small against the prices it comes
            near the optimal transport, and needs more iterations.
        iterations: Most iterations to run.
        tolerance: A problem stops once its row potentials move by less than this in sum, in
            the unit of ``cost``.
        released: Repeat the published arithmetic: a sum without a maximum taken out first, held
            off zero by 1e-6, and float32 weights held off zero by 1e-8.

    Shape:
        - cost: (..., N, M)
        - Output: (...)

    Raises:
        ValueError: If ``eps`` is not positive or ``iterations`` is below 1.

    References:
        Cuturi, "Sinkhorn Distances", NeurIPS 2013, Algorithm 1; Peyré and Cuturi,
        "Computational Optimal Transport", 2019, eq. 4.43 for the form in logarithms.

    Examples:
        >>> swap = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> round(float(sinkhorn(swap)), 4)
        0.0
    """
    if eps <= 0 or iterations < 1:
        raise ValueError(
            f"Sinkhorn needs eps > 0 and iterations >= 1, got eps={eps}, iterations={iterations}."
        )
    shape = cost.shape[:-2]
    cost = cost.flatten(0, -3) if shape else cost.unsqueeze(0)
    u, v = cost.new_zeros(cost.shape[:2]), cost.new_zeros(cost.shape[0], cost.shape[2])
    active = torch.ones_like(u[:, :1], dtype=torch.bool)
    for _ in range(iterations):
        rows, columns = _updates(cost, u, v, eps, released)
        moved = (rows - u).detach().abs().sum(-1, keepdim=True)
        u, v = torch.where(active, rows, u), torch.where(active, columns, v)
        active = active & (moved >= tolerance)
        if not active.any():
            break
    plan = _scaled(cost, u, v, eps).exp()
    return (plan * cost).sum((-2, -1)).reshape(shape)


def _scaled(cost: Tensor, u: Tensor, v: Tensor, eps: float) -> Tensor:
    """Logarithm of the transport plan that the potentials stand for."""
    return (u.unsqueeze(-1) + v.unsqueeze(-2) - cost) / eps


def _updates(
    cost: Tensor, u: Tensor, v: Tensor, eps: float, released: bool
) -> tuple[Tensor, Tensor]:
    """Both potentials after one iteration; the columns already see the new rows."""
    if released:
        u = u + eps * (_released_log(cost.shape[-2]) - _released_sum(_scaled(cost, u, v, eps), -1))
        v = v + eps * (_released_log(cost.shape[-1]) - _released_sum(_scaled(cost, u, v, eps), -2))
        return u, v
    u = -eps * (math.log(cost.shape[-2]) + ((v.unsqueeze(-2) - cost) / eps).logsumexp(-1))
    v = -eps * (math.log(cost.shape[-1]) + ((u.unsqueeze(-1) - cost) / eps).logsumexp(-2))
    return u, v


def _released_log(points: int) -> float:
    return torch.tensor(1 / points, dtype=torch.float32).add(1e-8).log().item()


def _released_sum(scaled: Tensor, dim: int) -> Tensor:
    return (scaled.exp().sum(dim) + 1e-6).log()
