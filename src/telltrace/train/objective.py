"""What a step minimises: a network and a batch in, named losses out."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

Objective = Callable[[nn.Module, Tensor, Tensor], dict[str, Tensor]]
"""(network, (B, 3, H, W) images, (B,) labels) -> losses; ``"loss"`` is the one minimised."""


def cross_entropy(label_smoothing: float = 0.0) -> Objective:
    """Cross-entropy of the detector's logits, the objective of the SFIConv paper.

    Args:
        label_smoothing: Share of the target spread over both classes, in [0, 1].
    """

    def objective(network: nn.Module, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = network(images)
        return {"loss": F.cross_entropy(logits, labels, label_smoothing=label_smoothing)}

    return objective
