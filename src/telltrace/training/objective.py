"""What a step minimises: a network and a batch in, named losses out.

An objective is a module, because some learn weights of their own; these are trained and saved
with the network. It asks the network for what only training needs by a named method, and the
detector's kind decides which objective is its own.
"""

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.losses import CosineHead, InformationBottleneckLoss, am_softmax
from telltrace.losses.multi_task import UNKNOWN, multi_task_loss
from telltrace.models.blend_map import Localized
from telltrace.models.information_bottleneck import Verdicts
from telltrace.models.multi_task import MultiTask
from telltrace.models.multi_task import Verdicts as TaskVerdicts
from telltrace.models.two_stream import Evidence
from telltrace.training.config import ObjectiveConfig
from telltrace.training.mixing import mix_batch

Losses = dict[str, Tensor]
"""Named scalars; ``"loss"`` is the one that is minimised."""


class CrossEntropy(nn.Module):
    """Cross-entropy of the logits: the objective of the SFIConv paper, and of any detector.

    Args:
        label_smoothing: Share of the target spread over both classes, in [0, 1].
        mixup: Beta parameter of mixup; 0 for none.
        cutmix: Beta parameter of cutmix; 0 for none. With both, each step draws one.
    """

    def __init__(
        self, label_smoothing: float = 0.0, mixup: float = 0.0, cutmix: float = 0.0
    ) -> None:
        super().__init__()
        self.label_smoothing, self.mixup, self.cutmix = label_smoothing, mixup, cutmix

    def forward(
        self, network: nn.Module, images: Tensor, labels: Tensor, masks: Tensor | None = None
    ) -> Losses:
        images, mix = mix_batch(images, self.mixup, self.cutmix)
        logits = network(images)
        own, partner = (
            F.cross_entropy(logits, target, label_smoothing=self.label_smoothing)
            for target in (labels, labels[mix.order.to(labels.device)])
        )
        return {"loss": own if mix.share == 1 else mix.share * own + (1 - mix.share) * partner}


class Localization(nn.Module):
    """Verdict, map of forged places, and the order of each face and its forgery.

    The map is compared with the masks where the data has them.

    Args:
        config: Label smoothing and the weights of the three.
        paired: A batch holds each face and then, in the same order, a forgery made from it, as
            blends come. The forgery must then score above its face: content cancels, and the
            trace remains.
    """

    method = "localize"
    wants_masks = True

    def __init__(self, config: ObjectiveConfig, *, paired: bool = False) -> None:
        super().__init__()
        self.config, self.paired = config, paired

    def forward(
        self, network: nn.Module, images: Tensor, labels: Tensor, masks: Tensor | None = None
    ) -> Losses:
        logits, places = cast(Localized, network.localize(images))  # type: ignore[operator]
        logits, c = logits.float(), self.config
        losses = {
            "verdict": F.cross_entropy(logits, labels, label_smoothing=c.label_smoothing),
            "map": logits.new_zeros(()),
            "rank": logits.new_zeros(()),
        }
        if masks is not None:
            losses["map"] = _map_loss(places.float(), masks)
        margin = logits[:, 1] - logits[:, 0]
        reals, fakes = margin[labels == 0], margin[labels == 1]
        if self.paired and len(reals) == len(fakes):
            losses["rank"] = F.softplus(reals - fakes).mean()
        total = losses["verdict"] + c.map_weight * losses["map"] + c.rank_weight * losses["rank"]
        return {**losses, "loss": total}


def _map_loss(places: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy of the map where the mask of an image is known; 0 if none is."""
    known = (masks[:, 0, 0] >= 0).nonzero()[:, 0]
    if not len(known):
        return places.sum() * 0
    target = F.adaptive_avg_pool2d(masks[known, None], (places.shape[-2], places.shape[-1]))
    return F.binary_cross_entropy_with_logits(places[known], target)


class AMSoftmax(nn.Module):
    """Margin loss on the cosines of a two-stream detector (Luo et al., CVPR 2021).

    Args:
        kind: Additive margin on the cosine, or on the angle.
        margin: What the right class must be ahead by.
        scale: Sharpness of the softmax.
        gamma: Focal exponent; 0 weighs all samples alike.
    """

    method = "evidence"

    def __init__(self, config: ObjectiveConfig) -> None:
        super().__init__()
        self.config = config

    def forward(
        self, network: nn.Module, images: Tensor, labels: Tensor, masks: Tensor | None = None
    ) -> Losses:
        evidence = cast(Evidence, network.evidence(images))  # type: ignore[operator]
        c = self.config
        loss = am_softmax(
            evidence.cosines, labels, kind=c.kind, margin=c.margin, scale=c.scale, gamma=c.gamma
        )
        return {"loss": loss}


class Information(nn.Module):
    """All heads of an information-bottleneck detector, with mixup (Ba et al., AAAI 2024)."""

    method = "verdicts"

    def __init__(self, config: ObjectiveConfig) -> None:
        super().__init__()
        self.mixup = 0.5 if config.mixup is None else config.mixup
        self.loss = InformationBottleneckLoss(
            config.measure,
            temperature=config.temperature,
            use_local=config.use_local,
            use_global=config.use_global,
            balance=config.balance,
            scales=config.scales,
        )

    def forward(
        self, network: nn.Module, images: Tensor, labels: Tensor, masks: Tensor | None = None
    ) -> Losses:
        mixed, mix = mix_batch(images, self.mixup)
        verdicts = cast(Verdicts, network.verdicts(mixed))  # type: ignore[operator]
        return {"loss": self.loss(*verdicts, labels, mix)}


class ThreeTasks(nn.Module):
    """Activation, segmentation and reconstruction of a Y-shaped autoencoder (BTAS 2019).

    Where the data has masks they teach the segmentation. Of a fake face without one, no pixel is
    taken to be known; of a real one, all are untouched.
    """

    method = "verdicts"
    wants_masks = True

    def forward(
        self, network: nn.Module, images: Tensor, labels: Tensor, masks: Tensor | None = None
    ) -> Losses:
        logits, segmentation, reconstruction = cast(TaskVerdicts, network.verdicts(images, labels))  # type: ignore[operator]
        forged = None if masks is None else (masks >= 0.5).long().masked_fill(masks < 0, UNKNOWN)
        losses = multi_task_loss(logits, segmentation, reconstruction, images, labels, forged)
        return losses._asdict()


def create_objective(
    network: nn.Module, config: ObjectiveConfig, *, paired: bool = False
) -> nn.Module:
    """The objective that the settings name, or the one of the detector's paper.

    Args:
        network: The detector.
        config: What to minimise.
        paired: Batches hold faces and then the forgeries made from them, in the same order.

    Raises:
        ValueError: If the network has not what the objective asks for.
    """
    own = _own_objective(network)
    name = own if config.name == "auto" else config.name
    if name == "cross_entropy":
        return CrossEntropy(config.label_smoothing, config.mixup or 0.0, config.cutmix)
    if name == "multi_task":
        objective: ThreeTasks | Localization | AMSoftmax | Information = ThreeTasks()
    elif name == "localization":
        objective = Localization(config, paired=paired)
    else:
        objective = AMSoftmax(config) if name == "am_softmax" else Information(config)
    other = (own == "multi_task") != (name == "multi_task")  # verdicts of another kind
    if other or not hasattr(network, objective.method):
        raise ValueError(
            f"The objective {name!r} needs a detector with a method {objective.method!r}; "
            f"{type(network).__name__} has none that fits. Use --objective.name {own}."
        )
    return objective


def _own_objective(network: nn.Module) -> str:
    """The name of the objective of the detector's paper."""
    if isinstance(network, MultiTask):
        return "multi_task"
    if hasattr(network, "localize"):
        return "localization"
    if hasattr(network, "verdicts"):
        return "information"
    return (
        "am_softmax" if isinstance(getattr(network, "head", None), CosineHead) else "cross_entropy"
    )
