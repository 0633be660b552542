"""Losses that make several branches agree on the verdict and disagree on the evidence."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .mixup import Mix
from .transport import line_transport, sinkhorn, squared_distances
from .weighting import AutomaticWeighting

Measure = Callable[[Tensor, Tensor], Tensor]
"""Distance of the answers of heads (..., B, K) from a reference head's, both logits: (...)."""


def kl_information(
    reference: Tensor,
    answer: Tensor,
    temperature: float = 1.5,
    reduction: Literal["batchmean", "mean"] = "batchmean",
) -> Tensor:
    """Kullback-Leibler divergence of softened answers from a reference.

    Args:
        reference: Logits the answers are compared with.
        answer: Logits of one or several heads.
        temperature: Divides all logits first; above 1 it softens the probabilities.
        reduction: ``"batchmean"`` is the divergence of an image, in nats, averaged over the
            batch. ``"mean"`` divides by the K classes once more, as the published code does.

    Shape:
        - reference: (..., B, K)
        - answer: (..., B, K)
        - Output: (...)

    References:
        Ba et al., AAAI 2024, https://arxiv.org/abs/2403.01786, eq. 9 and 12.

    Examples:
        >>> sure, unsure = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 0.0]])
        >>> bool(kl_information(sure, unsure) > kl_information(sure, sure))
        True
    """
    p, q = (answer / temperature).log_softmax(-1), (reference / temperature).log_softmax(-1)
    each = p.exp() * (p - q)
    return each.sum(-1).mean(-1) if reduction == "batchmean" else each.mean((-2, -1))


def wasserstein_information(
    reference: Tensor,
    answer: Tensor,
    temperature: float = 1.5,
    *,
    eps: float | None = None,
    iterations: int = 1000,
    tolerance: float = 1e-6,
    released: bool = False,
) -> Tensor:
    """Transport cost between the answers to a batch and the reference's answers to it.

    A batch of probabilities is a cloud of B points; the cost is what it takes to carry one
    cloud onto the other, in squared probability. The points of two classes lie on a line,
    where sorting finds the optimum at once.

    Args:
        reference: Logits the answers are compared with.
        answer: Logits of one or several heads.
        temperature: Divides all logits first; above 1 it softens the probabilities.
        eps: Weight of the entropy for :func:`~telltrace.losses.sinkhorn`. None solves exactly
            where there are two classes, and takes 0.01 where there are more.
        iterations: Most iterations of Sinkhorn.
        tolerance: When Sinkhorn stops before.
        released: Repeat the published code, which carries logarithms of the reference onto
            probabilities, so that equal answers do not cost 0, with eps 0.01, at most 100
            iterations and tolerance 0.1.

    Shape:
        - reference: (..., B, K)
        - answer: (..., B, K)
        - Output: (...)

    References:
        Ba et al., AAAI 2024, https://arxiv.org/abs/2403.01786; Cuturi, NeurIPS 2013.
    """
    points = (reference / temperature).log_softmax(-1)
    targets = (answer / temperature).softmax(-1)
    if released:
        cost = squared_distances(points, targets)
        return sinkhorn(cost, eps=0.01, iterations=100, tolerance=0.1, released=True)
    points = points.exp()
    if eps is None and points.shape[-1] == 2:
        return 2 * line_transport(points[..., 1], targets[..., 1])
    cost = squared_distances(points, targets)
    return sinkhorn(cost, eps=eps or 0.01, iterations=iterations, tolerance=tolerance)


def global_information_loss(fused: Tensor, joint: Tensor, measure: Measure) -> Tensor:
    """What the bottleneck loses of all that the branches know together.

    Shape:
        - fused, joint: (B, K) logits; ``joint`` is a fixed target here
        - Output: a scalar, 0 when the bottleneck loses nothing

    References:
        Ba et al., AAAI 2024, eq. 12.
    """
    return measure(joint.detach(), fused)


def local_information_loss(joint: Tensor, without: Tensor, measure: Measure) -> Tensor:
    """How little the verdict changes when one branch is left out: 1 if no branch matters.

    Shape:
        - joint: (B, K) logits, a fixed target here
        - without: (n, B, K) logits, row i from all branches but i
        - Output: a scalar in (0, 1]

    References:
        Ba et al., AAAI 2024, eq. 9 and 10.
    """
    reference = joint.detach().expand_as(without)
    return torch.exp(-measure(reference, without).sum())


def classification_loss(heads: Tensor, labels: Tensor, mix: Mix | None = None) -> Tensor:
    """Cross-entropy of every head, summed over heads.

    Shape:
        - heads: (heads, B, K) logits
        - labels: (B,) of the images before they were mixed
        - Output: a scalar

    Examples:
        >>> round(classification_loss(torch.zeros(3, 2, 2), torch.tensor([0, 1])).item(), 4)
        2.0794
    """

    def against(target: Tensor) -> Tensor:
        each = F.cross_entropy(heads.flatten(0, 1), target.repeat(len(heads)), reduction="none")
        return each.reshape(len(heads), -1).mean(1).sum()

    if mix is None:
        return against(labels)
    partners = labels[mix.order.to(labels.device)]
    return mix.share * against(labels) + (1 - mix.share) * against(partners)


class Parts(NamedTuple):
    """The losses before they are weighed; a loss that is switched off is None."""

    classification: Tensor
    global_information: Tensor | None
    local_information: Tensor | None


class InformationBottleneckLoss(nn.Module):
    """Objective of a detector with several branches, all its heads together.

    Where the published code's numbers cannot be meant, this one differs; ``released`` brings
    them back: the divergence halved for two classes; a Wasserstein distance of logarithms from
    probabilities that stops long before it is solved; a joint head that is the local loss's
    reference and never learns when the global loss is off; scales that shift by one place then.

    Args:
        measure: Mutual information by ``"kl"`` or ``"wasserstein"``.
        temperature: Divides the logits that the information losses compare.
        use_local: Whether to have the local information loss.
        use_global: Whether to have the global information loss.
        balance: ``"auto"`` learns the weights, ``"hyper"`` takes ``scales``, ``"none"`` adds.
        scales: Weights of classification, global and local information under ``"hyper"``.
        eps: Weight of the entropy in the Wasserstein distance; None solves it exactly.
        iterations: Most iterations of the Wasserstein distance.
        tolerance: When its iterations stop before.
        released: Repeat the published code's numbers.

    Shape:
        - fused, joint: (B, K) logits
        - without: (n, B, K) logits
        - labels: (B,)
        - Output: a scalar

    Raises:
        ValueError: If ``measure`` or ``balance`` is none of those above.

    References:
        Ba et al., "Exposing the Deception: Uncovering More Forgery Clues for Deepfake
        Detection", AAAI 2024, https://arxiv.org/abs/2403.01786, eq. 13.

    Examples:
        >>> heads = torch.zeros(6, 2, 2)
        >>> loss = InformationBottleneckLoss(balance="none")
        >>> round(loss(heads[0], heads[1], heads[2:], torch.tensor([0, 1])).item(), 4)
        5.1589
    """

    def __init__(
        self,
        measure: Literal["kl", "wasserstein"] = "kl",
        *,
        temperature: float = 1.5,
        use_local: bool = True,
        use_global: bool = True,
        balance: Literal["auto", "hyper", "none"] = "auto",
        scales: tuple[float, float, float] = (1, 2, 10),
        eps: float | None = None,
        iterations: int = 1000,
        tolerance: float = 1e-6,
        released: bool = False,
    ) -> None:
        super().__init__()
        for name, value, known in (
            ("measure", measure, ("kl", "wasserstein")),
            ("balance", balance, ("auto", "hyper", "none")),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}.")
        self.measure, self.temperature, self.balance = measure, temperature, balance
        self.use_local, self.use_global, self.released = use_local, use_global, released
        self.eps, self.iterations, self.tolerance = eps, iterations, tolerance
        self.scales = scales
        if balance == "auto":
            self.weighting = AutomaticWeighting(1 + use_global + use_local)

    def information(self, reference: Tensor, answer: Tensor) -> Tensor:
        """The measure in force, between logits."""
        if self.measure == "kl":
            reduction: Literal["batchmean", "mean"] = "mean" if self.released else "batchmean"
            return kl_information(reference, answer, self.temperature, reduction)
        return wasserstein_information(
            reference,
            answer,
            self.temperature,
            eps=self.eps,
            iterations=self.iterations,
            tolerance=self.tolerance,
            released=self.released,
        )

    def parts(
        self,
        fused: Tensor,
        joint: Tensor,
        without: Tensor,
        labels: Tensor,
        mix: Mix | None = None,
    ) -> Parts:
        """Each loss by itself, for the log."""
        heads = [fused.unsqueeze(0)]
        if self.use_global or (self.use_local and not self.released):
            heads.append(joint.unsqueeze(0))
        if self.use_local:
            heads.append(without)
        measure = self.information
        return Parts(
            classification_loss(torch.cat(heads), labels, mix),
            global_information_loss(fused, joint, measure) if self.use_global else None,
            local_information_loss(joint, without, measure) if self.use_local else None,
        )

    def forward(
        self,
        fused: Tensor,
        joint: Tensor,
        without: Tensor,
        labels: Tensor,
        mix: Mix | None = None,
    ) -> Tensor:
        return self.weigh(self.parts(fused, joint, without, labels, mix))

    def weigh(self, parts: Parts) -> Tensor:
        """One loss of all parts, balanced as asked."""
        losses = [part for part in parts if part is not None]
        if self.balance == "auto":
            return self.weighting(losses)
        if self.balance == "none":
            return torch.stack(losses).sum()
        mine = [s for s, part in zip(self.scales, parts, strict=True) if part is not None]
        scales = self.scales[: len(losses)] if self.released else mine
        return torch.stack([s * x for s, x in zip(scales, losses, strict=True)]).sum()
