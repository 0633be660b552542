"""Optimal transport between the answers of two heads to a batch."""

import torch
from torch import Tensor


def wasserstein_information(reference: Tensor, answer: Tensor, temperature: float = 1.5) -> Tensor:
    """Optimal transport cost between the answers to a batch and the reference's answers to it.

    A batch of probabilities is a set of B points; the cost is the least mean squared distance
    that carries one set onto the other. It is exact: the points of two classes lie on a line,
    where sorting finds the optimum, and more classes take a linear assignment. (The published
    code carries logarithms onto probabilities and stops its Sinkhorn iterations early.)

    Args:
        reference: Logits the answers are compared with.
        answer: Logits of one or several heads.
        temperature: Divides all logits first; above 1 it softens the probabilities.

    Shape:
        - reference: (B, K), or as the answer
        - answer: (..., B, K)
        - Output: (...)

    References:
        Ba et al., AAAI 2024, https://arxiv.org/abs/2403.01786; Peyré and Cuturi, "Computational
        Optimal Transport", 2019, remark 2.28 for two classes, proposition 2.1 for more.
    """
    x, y = (reference / temperature).softmax(-1), (answer / temperature).softmax(-1)
    if x.shape[-1] == 2:
        return 2 * (x[..., 1].sort(-1).values - y[..., 1].sort(-1).values).square().mean(-1)
    x = x.expand_as(y)
    pairs = zip(x.flatten(0, -3), y.flatten(0, -3), strict=True) if x.ndim > 2 else [(x, y)]
    return torch.stack([_transport(a, b) for a, b in pairs]).reshape(x.shape[:-2])


def _transport(x: Tensor, y: Tensor) -> Tensor:
    """Least mean squared distance of points (B, K) matched one to one."""
    from scipy.optimize import linear_sum_assignment  # here, because two classes are sorted

    rows, columns = linear_sum_assignment(torch.cdist(x, y).square().detach().cpu().numpy())
    return (x[torch.from_numpy(rows)] - y[torch.from_numpy(columns)]).square().sum(-1).mean()


def published_transport(reference: Tensor, answer: Tensor, temperature: float = 1.5) -> Tensor:
    """What the published code computes in place of :func:`wasserstein_information`.

    It carries logarithms of the reference onto probabilities, so that equal answers do not cost 0,
    by at most 100 Sinkhorn iterations that stop once the row potentials move by less than 0.1;
    its sums are held off zero by 1e-6 and its float32 weights by 1e-8.

    Shape:
        - reference, answer: (..., B, K) logits
        - Output: (...)

    References:
        Ba et al., AAAI 2024, the released code; Cuturi, NeurIPS 2013, Algorithm 1.
    """
    eps, images = 0.01, answer.shape[-2]
    points, targets = (reference / temperature).log_softmax(-1), (answer / temperature).softmax(-1)
    cost = (points.unsqueeze(-2) - targets.unsqueeze(-3)).square().sum(-1)
    weight = torch.tensor(1 / images, dtype=torch.float32).add(1e-8).log().item()
    u, v = cost.new_zeros(cost.shape[:-1]), cost.new_zeros(cost.shape[:-1])
    active = torch.ones_like(u[..., :1], dtype=torch.bool)
    for _ in range(100):
        plan = ((u.unsqueeze(-1) + v.unsqueeze(-2) - cost) / eps).exp()
        rows = u + eps * (weight - (plan.sum(-1) + 1e-6).log())
        plan = ((rows.unsqueeze(-1) + v.unsqueeze(-2) - cost) / eps).exp()
        columns = v + eps * (weight - (plan.sum(-2) + 1e-6).log())
        moved = (rows - u).detach().abs().sum(-1, keepdim=True)
        u, v = torch.where(active, rows, u), torch.where(active, columns, v)
        active = active & (moved >= 0.1)
        if not active.any():
            break
    plan = ((u.unsqueeze(-1) + v.unsqueeze(-2) - cost) / eps).exp()
    return (plan * cost).sum((-2, -1))
