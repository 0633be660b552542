"""DeepfakeBench's UCF, in."""

from telltrace.models.xception import published_name

from .layout import benchmark

_PARTS = {
    "narrow.": "encoder_f.adjust_channel.",
    "common.": "block_sha.conv2d.",
    "head.0.": "head_sha.mlp.0.",
    "head.3.": "head_sha.mlp.2.",
}


def _rename(name: str) -> str:
    part, rest = name.split(".", 1)
    if part == "features":
        return f"encoder_f.{published_name(rest)}"
    ours = next(ours for ours in _PARTS if name.startswith(ours))
    return _PARTS[ours] + name.removeprefix(ours)


UCF = benchmark(
    "UCF",
    describe=lambda _: ("ucf", {}),
    absorbed=("encoder_f.adjust_channel.",),
    ignored=("encoder_c.", "con_gan.", "head_spe.", "block_spe.", "encoder_f.last_linear."),
    rename=_rename,
)
"""Its score is the common half's; ``head_spe``, which tells methods apart, may have any width."""
