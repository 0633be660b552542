"""Losses that make several branches agree on the class and differ in their evidence."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.errors import OptionError

from .classification import Losses, mix_batch

Measure = Literal["kl", "wasserstein"]
Balance = Literal["auto", "hyper", "none"]


def kl_information(reference: Tensor, answer: Tensor, temperature: float = 1.5) -> Tensor:
    """Kullback-Leibler divergence of softened answers from a reference, in nats per image.

    The temperature divides all logits first. Logits (..., B, K) of both to (...). Ba et al., AAAI
    2024, eq. 9 and 12, whose code divides by the K classes once more.
    """
    p, q = (answer / temperature).log_softmax(-1), (reference / temperature).log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1).mean(-1)


def wasserstein_information(reference: Tensor, answer: Tensor, temperature: float = 1.5) -> Tensor:
    """Optimal transport cost between the answers to a batch and the reference's answers to it.

    A batch of probabilities is a set of B points; the cost is the least mean squared distance
    that carries one set onto the other. It is exact: the points of two classes lie on a line,
    where sorting finds the optimum, and more classes take a linear assignment. Logits (B, K) or
    (..., B, K), and (..., B, K), both divided by the temperature first, to (...).

    References:
        Ba et al., AAAI 2024; Peyré and Cuturi, "Computational Optimal Transport", 2019, remark
        2.28 for two classes, proposition 2.1 for more.
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
    by at most 100 Sinkhorn iterations (Cuturi, NeurIPS 2013, Algorithm 1) that stop once the row
    potentials move by less than 0.1. Sums are held off 0 by 1e-6 and float32 weights by 1e-8.
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


def classification_loss(heads: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of every head, summed over heads: Ba et al., AAAI 2024, eq. 13, first term.

    Logits (heads, B, K), and classes (B,) or probabilities (B, K) of mixed images, to a scalar.
    """
    repeated = targets.repeat(len(heads), *[1] * (targets.ndim - 1))
    return len(heads) * F.cross_entropy(heads.flatten(0, 1), repeated)


class AutomaticWeighting(nn.Module):
    """Sum in which every loss is divided by a variance that is learned along with the network.

    What is learned are standard deviations, of any sign but not 0; all start at 1. Kendall et al.,
    "Multi-Task Learning Using Uncertainty to Weigh Losses", CVPR 2018, eq. 7, with the positive
    penalty of Liebel and Körner, "Auxiliary Tasks in Multi-task Learning", 2018, eq. 1.
    """

    def __init__(self, num_losses: int) -> None:
        super().__init__()
        self.spread = nn.Parameter(torch.ones(num_losses))

    def forward(self, losses: Sequence[Tensor]) -> Tensor:
        variance = self.spread.square()
        return (torch.stack(list(losses)) / (2 * variance) + variance.log1p()).sum()


class Parts(NamedTuple):
    """The losses before they are weighed; a loss that is switched off is None."""

    classification: Tensor
    global_information: Tensor | None
    """What the bottleneck loses of all that the branches know together: 0 if nothing (eq. 12)."""
    local_information: Tensor | None
    """How little changes when one branch is left out: 1 if no branch matters (eq. 9 and 10)."""


class Information(nn.Module):
    """Loss of a detector with several branches, of all the heads that its ``verdicts`` gives.

    The joint head is classified whenever it is a reference, and each scale stays with its loss
    when another is off; ``docs/guides/information_bottleneck.md`` says where the published code
    differs.

    Args:
        mixup: Beta parameter of mixup; the paper's is 0.5.
        measure: Mutual information by ``"kl"`` or ``"wasserstein"``.
        temperature: Divides the logits that the information losses compare.
        use_local: Whether to have the local information loss; ``use_global`` likewise.
        balance: ``"auto"`` learns the weights, ``"hyper"`` takes ``scales``, ``"none"`` adds.
        scales: Weights of classification, global and local information under ``"hyper"``.
        reference_compatible: Compute the released code's numbers.

    Raises:
        OptionError: If ``measure`` or ``balance`` is none of those above.

    References:
        Ba et al., "Exposing the Deception: Uncovering More Forgery Clues for Deepfake
        Detection", AAAI 2024, https://arxiv.org/abs/2403.01786, eq. 13.
    """

    name, method = "information", "verdicts"

    def __init__(
        self,
        mixup: float = 0.5,
        measure: Measure = "kl",
        temperature: float = 1.5,
        use_local: bool = True,
        use_global: bool = True,
        balance: Balance = "auto",
        scales: tuple[float, float, float] = (1, 2, 10),
        reference_compatible: bool = False,
    ) -> None:
        super().__init__()
        for name, value, kind in (("measure", measure, Measure), ("balance", balance, Balance)):
            if value not in get_args(kind):
                known = ", ".join(get_args(kind))
                raise OptionError(f"{name} must be one of {known}, got {value!r}.")
        self.mixup, self.reference_compatible = mixup, reference_compatible
        self.measure, self.temperature, self.balance = measure, temperature, balance
        self.use_local, self.use_global, self.scales = use_local, use_global, scales
        self.loss = nn.ModuleDict()  # interrupted runs hold its tensor as "loss.weighting.spread"
        if balance == "auto":
            self.loss["weighting"] = AutomaticWeighting(1 + use_global + use_local)

    def forward(
        self, network: Any, images: Tensor, labels: Tensor, masks: Tensor | None = None
    ) -> Losses:
        images, targets = mix_batch(images, labels, mixup=self.mixup)
        fused, joint, without = network.verdicts(images)
        return {"loss": self.total(fused, joint, without, targets)}

    def total(self, fused: Tensor, joint: Tensor, without: Tensor, targets: Tensor) -> Tensor:
        """Logits (B, K), (B, K), (n, B, K) and classes (B,) or probabilities (B, K) to a scalar."""
        parts = self.parts(fused, joint, without, targets)
        losses = [part for part in parts if part is not None]
        if self.balance == "auto":
            return self.loss["weighting"](losses)
        if self.balance == "hyper":
            used = [s for s, part in zip(self.scales, parts, strict=True) if part is not None]
            scales = self.scales if self.reference_compatible else used
            losses = [scale * loss for scale, loss in zip(scales, losses, strict=False)]
        return torch.stack(losses).sum()

    def parts(self, fused: Tensor, joint: Tensor, without: Tensor, targets: Tensor) -> Parts:
        """Each loss by itself; the joint head is a fixed target of both information losses."""
        heads, target = [fused[None]], joint.detach()
        if self.use_global or (self.use_local and not self.reference_compatible):
            heads.append(joint[None])
        if self.use_local:
            heads.append(without)
        lost = self._information(target, fused) if self.use_global else None
        kept = None
        if self.use_local:
            kept = torch.exp(-self._information(target.expand_as(without), without).sum())
        return Parts(classification_loss(torch.cat(heads), targets), lost, kept)

    def _information(self, reference: Tensor, answer: Tensor) -> Tensor:
        """The measure in force, between logits (..., B, K)."""
        if self.measure == "kl":
            classes = answer.shape[-1] if self.reference_compatible else 1
            return kl_information(reference, answer, self.temperature) / classes
        exact = not self.reference_compatible
        measure = wasserstein_information if exact else published_transport
        return measure(reference, answer, self.temperature)
