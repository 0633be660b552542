"""Losses: pure functions first, then the modules that a training run minimises (objectives).

An objective maps (network, images, labels, masks) to named scalars, of which ``"loss"`` is the one
that is minimised: images (B, 3, H, W), labels (B,) with 0 real and 1 fake, masks (B, H, W) in
[0, 1], negative where unknown, or None. A detector's class names its own in ``objectives``. An
objective that calls another method of the network than ``forward`` names it in ``method``.
"""

from .classification import CrossEntropy, Localization, mix_batch
from .hypersphere import Hypersphere, alignment_loss, uniformity_loss
from .information import Information
from .margin import AMSoftmax, CosineHead, am_softmax, with_margin
from .multi_task import ThreeTasks, multi_task_loss

__all__ = [
    "AMSoftmax", "CosineHead", "CrossEntropy", "Hypersphere", "Information", "Localization",
    "ThreeTasks", "alignment_loss", "am_softmax", "mix_batch", "multi_task_loss",
    "uniformity_loss", "with_margin",
]  # fmt: skip
