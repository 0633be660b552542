"""What a step minimises: a network and a batch in, named losses out.

An objective is a module, because some learn weights of their own; these are trained and saved
with the network. It asks the network for what only training needs by a named method, and the
detector's kind decides which objective is its own.
"""

from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telltrace.losses import (
    CosineHead,
    InformationBottleneckLoss,
    am_softmax,
    draw_mix,
    mix_images,
)
from telltrace.losses.multi_task import multi_task_loss
from telltrace.models.blend_map import Localized
from telltrace.models.information_bottleneck import Verdicts
from telltrace.models.multi_task import MultiTask
from telltrace.models.multi_task import Verdicts as TaskVerdicts
from telltrace.models.two_stream import Evidence
from telltrace.train.config import ObjectiveConfig

Losses = dict[str, Tensor]
"""Named scalars; ``"loss"`` is the one that is minimised."""


class CrossEntropy(nn.Module):
    """Cross-entropy of the logits: the objective of the SFIConv paper, and of any detector.

    Args:
        label_smoothing: Share of the target spread over both classes, in [0, 1].
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.label_smoothing = label_smoothing

    def forward(
        self, network: nn.Module, images: Tensor, labels: Tensor, masks: Tensor | None = None
    ) -> Losses:
        logits = network(images)
        return {"loss": F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)}


class Localization(nn.Module):
    """Verdict, map of forged places, and the order of each face and its forgery.

    The map is compared with the masks where the data has them. Where a batch holds as many
    forgeries as real faces, as blends do, in the same order, the forgery must score above the
    face it was made from: content cancels, and the trace remains.
    """

    method = "localize"

    def __init__(self, config: ObjectiveConfig) -> None:
        super().__init__()
        self.config = config

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
            target = F.adaptive_avg_pool2d(masks[:, None], (places.shape[-2], places.shape[-1]))
            losses["map"] = F.binary_cross_entropy_with_logits(places.float(), target)
        margin = logits[:, 1] - logits[:, 0]
        reals, fakes = margin[labels == 0], margin[labels == 1]
        if masks is not None and len(reals) == len(fakes):
            losses["rank"] = F.softplus(reals - fakes).mean()
        total = losses["verdict"] + c.map_weight * losses["map"] + c.rank_weight * losses["rank"]
        return {**losses, "loss": total}


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
        self.mixup = config.mixup
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
        # The loop seeds torch for every step, so this draw depends on seed, epoch and step alone.
        rng = np.random.default_rng(int(torch.randint(2**31, ())))
        mix = draw_mix(len(images), rng, self.mixup)
        verdicts = cast(Verdicts, network.verdicts(mix_images(images, mix)))  # type: ignore[operator]
        return {"loss": self.loss(*verdicts, labels, mix)}


class ThreeTasks(nn.Module):
    """Activation, segmentation and reconstruction of a Y-shaped autoencoder (BTAS 2019).

    The loader hands on no masks: of a fake face no pixel is taken to be known, of a real one all.
    """

    method = "verdicts"

    def forward(
        self, network: nn.Module, images: Tensor, labels: Tensor, masks: Tensor | None = None
    ) -> Losses:
        logits, segmentation, reconstruction = cast(TaskVerdicts, network.verdicts(images, labels))  # type: ignore[operator]
        losses = multi_task_loss(logits, segmentation, reconstruction, images, labels)
        return losses._asdict()


def create_objective(network: nn.Module, config: ObjectiveConfig) -> nn.Module:
    """The objective that the settings name, or the one of the detector's paper.

    Raises:
        ValueError: If the network has not what the objective asks for.
    """
    own = _own_objective(network)
    name = own if config.name == "auto" else config.name
    if name == "cross_entropy":
        return CrossEntropy(config.label_smoothing)
    if name == "multi_task":
        objective: ThreeTasks | Localization | AMSoftmax | Information = ThreeTasks()
    elif name == "localization":
        objective = Localization(config)
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
