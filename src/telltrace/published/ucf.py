"""DeepfakeBench's UCF, in."""

from functools import partial

from .layout import benchmark
from .xception import rename

_PARTS = {
    "narrow.": "encoder_f.adjust_channel.",
    "common.": "block_sha.conv2d.",
    "head.0.": "head_sha.mlp.0.",
    "head.3.": "head_sha.mlp.2.",
}

UCF = benchmark(
    "UCF",
    describe=lambda _: ("ucf", {}),
    absorbed=("encoder_f.adjust_channel.",),
    ignored=("encoder_c.", "con_gan.", "head_spe.", "block_spe.", "encoder_f.last_linear."),
    rename=partial(rename, "encoder_f.", _PARTS),
)
"""Its score is the common half's; ``head_spe``, which tells methods apart, may have any width."""
