"""Losses that make several branches agree on the class and differ in their evidence."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.errors import OptionError

from .classification import Losses, mix_batch
from .transport import published_transport, wasserstein_information

Measure = Callable[[Tensor, Tensor], Tensor]
"""Distance of the logits of heads (..., B, K) from a reference head's: (...)."""


def kl_information(reference: Tensor, answer: Tensor, temperature: float = 1.5) -> Tensor:
    """Kullback-Leibler divergence of softened answers from a reference, in nats per image.

    The published code divides by the K classes once more.

    Args:
        reference: Logits the answers are compared with.
        answer: Logits of one or several heads.
        temperature: Divides all logits first; above 1 it softens the probabilities.

    Shape:
        - reference, answer: (..., B, K)
        - Output: (...)

    References:
        Ba et al., AAAI 2024, https://arxiv.org/abs/2403.01786, eq. 9 and 12.

    Examples:
        >>> sure, unsure = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 0.0]])
        >>> bool(kl_information(sure, unsure) > kl_information(sure, sure))
        True
    """
    p, q = (answer / temperature).log_softmax(-1), (reference / temperature).log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1).mean(-1)


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
    """How little the logits change when one branch is left out: 1 if no branch matters.

    Shape:
        - joint: (B, K) logits, a fixed target here
        - without: (n, B, K) logits, row i from all branches but i
        - Output: a scalar in (0, 1]

    References:
        Ba et al., AAAI 2024, eq. 9 and 10.
    """
    return torch.exp(-measure(joint.detach().expand_as(without), without).sum())


def classification_loss(heads: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of every head, summed over heads.

    Shape:
        - heads: (heads, B, K) logits
        - targets: (B,) classes, or (B, K) probabilities of mixed images
        - Output: a scalar

    References:
        Ba et al., AAAI 2024, eq. 13, first term.

    Examples:
        >>> round(classification_loss(torch.zeros(3, 2, 2), torch.tensor([0, 1])).item(), 4)
        2.0794
    """
    repeated = targets.repeat(len(heads), *[1] * (targets.ndim - 1))
    return len(heads) * F.cross_entropy(heads.flatten(0, 1), repeated)


def automatic_weighting(losses: Tensor, spread: Tensor) -> Tensor:
    """Sum in which every loss is divided by a variance that is learned along with the network.

    Args:
        losses: The losses to add up.
        spread: Their learned standard deviations, of any sign but not 0.

    Shape:
        - losses, spread: (n,)
        - Output: a scalar

    References:
        Kendall et al., "Multi-Task Learning Using Uncertainty to Weigh Losses", CVPR 2018,
        eq. 7; with the positive penalty of Liebel and Körner, "Auxiliary Tasks in Multi-task
        Learning", 2018, eq. 1.

    Examples:
        >>> round(automatic_weighting(torch.tensor([2.0]), torch.tensor([1.0])).item(), 4)
        1.6931
    """
    variance = spread.square()
    return (losses / (2 * variance) + variance.log1p()).sum()


class AutomaticWeighting(nn.Module):
    """:func:`automatic_weighting` with the deviations it learns; all start at 1."""

    def __init__(self, num_losses: int) -> None:
        super().__init__()
        self.spread = nn.Parameter(torch.ones(num_losses))

    def forward(self, losses: Sequence[Tensor]) -> Tensor:
        return automatic_weighting(torch.stack(list(losses)), self.spread)


class Parts(NamedTuple):
    """The losses before they are weighed; a loss that is switched off is None."""

    classification: Tensor
    global_information: Tensor | None
    local_information: Tensor | None


class InformationBottleneckLoss(nn.Module):
    """Loss of a detector with several branches, all its heads together.

    The joint head is classified whenever it is a reference, and each scale stays with its loss
    when another is off; ``docs/guides/information_bottleneck.md`` says where the published code
    differs.

    Args:
        measure: Mutual information by ``"kl"`` or ``"wasserstein"``.
        temperature: Divides the logits that the information losses compare.
        use_local: Whether to have the local information loss.
        use_global: Whether to have the global information loss.
        balance: ``"auto"`` learns the weights, ``"hyper"`` takes ``scales``, ``"none"`` adds.
        scales: Weights of classification, global and local information under ``"hyper"``.
        reference_compatible: Compute the released code's numbers: the divergence divided by K,
            :func:`published_transport`, a joint head that is classified with the global loss
            only, and scales that move up by one place when a loss is off.

    Shape:
        - fused, joint: (B, K) logits; without: (n, B, K) logits
        - targets: (B,) classes or (B, K) probabilities
        - Output: a scalar

    Raises:
        OptionError: If ``measure`` or ``balance`` is none of those above.

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
        reference_compatible: bool = False,
    ) -> None:
        super().__init__()
        self.reference_compatible = reference_compatible
        for name, value, known in (
            ("measure", measure, ("kl", "wasserstein")),
            ("balance", balance, ("auto", "hyper", "none")),
        ):
            if value not in known:
                raise OptionError(f"{name} must be one of {', '.join(known)}, got {value!r}.")
        self.measure, self.temperature, self.balance = measure, temperature, balance
        self.use_local, self.use_global, self.scales = use_local, use_global, scales
        if balance == "auto":
            self.weighting = AutomaticWeighting(1 + use_global + use_local)

    def information(self, reference: Tensor, answer: Tensor) -> Tensor:
        """The measure in force, between logits (..., B, K)."""
        if self.measure == "kl":
            classes = answer.shape[-1] if self.reference_compatible else 1
            return kl_information(reference, answer, self.temperature) / classes
        exact = not self.reference_compatible
        measure = wasserstein_information if exact else published_transport
        return measure(reference, answer, self.temperature)

    def parts(self, fused: Tensor, joint: Tensor, without: Tensor, targets: Tensor) -> Parts:
        """Each loss by itself."""
        heads = [fused[None]]
        if self.use_global or (self.use_local and not self.reference_compatible):
            heads.append(joint[None])
        if self.use_local:
            heads.append(without)
        measure = self.information
        return Parts(
            classification_loss(torch.cat(heads), targets),
            global_information_loss(fused, joint, measure) if self.use_global else None,
            local_information_loss(joint, without, measure) if self.use_local else None,
        )

    def forward(self, fused: Tensor, joint: Tensor, without: Tensor, targets: Tensor) -> Tensor:
        parts = self.parts(fused, joint, without, targets)
        losses = [part for part in parts if part is not None]
        if self.balance == "auto":
            return self.weighting(losses)
        if self.balance == "hyper":
            used = [s for s, part in zip(self.scales, parts, strict=True) if part is not None]
            scales = self.scales if self.reference_compatible else used
            losses = [scale * loss for scale, loss in zip(scales, losses, strict=False)]
        return torch.stack(losses).sum()


class Information(nn.Module):
    """:class:`InformationBottleneckLoss` of a network with a method ``verdicts``, with mixup.

    Args:
        mixup: Beta parameter of mixup; the paper's is 0.5.
        measure: As of :class:`InformationBottleneckLoss`; so are the other arguments.
    """

    name, method = "information", "verdicts"

    def __init__(
        self,
        mixup: float = 0.5,
        measure: Literal["kl", "wasserstein"] = "kl",
        temperature: float = 1.5,
        use_local: bool = True,
        use_global: bool = True,
        balance: Literal["auto", "hyper", "none"] = "auto",
        scales: tuple[float, float, float] = (1, 2, 10),
    ) -> None:
        super().__init__()
        self.mixup = mixup
        self.loss = InformationBottleneckLoss(
            measure, temperature=temperature, use_local=use_local, use_global=use_global,
            balance=balance, scales=scales,
        )  # fmt: skip

    def forward(
        self, network: Any, images: Tensor, labels: Tensor, masks: Tensor | None = None
    ) -> Losses:
        images, targets = mix_batch(images, labels, mixup=self.mixup)
        return {"loss": self.loss(*network.verdicts(images), targets)}
