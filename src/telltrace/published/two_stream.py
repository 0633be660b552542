"""The released two-stream network of Luo et al., in and out."""

from functools import partial
from math import isqrt
from typing import Any

import torch
from torch import Tensor

from telltrace.models.two_stream import STRIDE, TwoStreamXception
from telltrace.models.xception import published_name

from .layout import Layout, State, benchmark, renamed

UNUSED_HEAD = "xception_srm.model.last_linear.1"
"""The noise stream's classifier, which the released network carries and never reads."""

_PREFIXES = {
    "rgb": "xception_rgb.model",
    "noise": "xception_srm.model",
    "extract1.mix": "srm_conv1.out_conv",
    "extract2.mix": "srm_conv2.out_conv",
    "guide.stem": "srm_sa.conv",
    "guide.attend.conv": "srm_sa.pa.conv",
    "guided": "srm_sa_post",
    "fusion.mix": "fusion.convblk",
    "fusion.attend.squeeze": "fusion.ca.sharedMLP.0",
    "fusion.attend.excite": "fusion.ca.sharedMLP.2",
    "head": "xception_rgb.model.last_linear.1",
}
_BENCHMARK = _PREFIXES | {
    "rgb": "backbone_rgb",
    "noise": "backbone_srm",
    "head": "backbone_rgb.last_linear",
}
_CROSS = {"key": "key_conv", "shared_key": "key_conv_share", "places": "linear"}
_CROSS |= {"value": "value_conv", "gate": "gamma"}
"""Names but for the number of the stream."""
_KERNELS = {
    "srm_conv0.kernel": "residual",
    "srm_conv1.kernel": "extract1",
    "srm_conv2.kernel": "extract2",
    "srm_sa.srm.kernel": "residual",
}


def _describe(state: State) -> tuple[str, dict[str, Any]]:
    return "two_stream_xception", {
        "num_classes": len(state[f"{_PREFIXES['head']}.weight"]),
        "image_size": STRIDE * isqrt(len(state["dual_cma0.linear1.weight"])),
        "head": "linear",
        "reference_compatible": True,
    }


def _describe_benchmark(state: State) -> tuple[str, dict[str, Any]]:
    size = STRIDE * isqrt(len(state["dual_cma0.linear1.weight"]))
    options = {"image_size": size, "head": "linear", "reference_compatible": True}
    return "two_stream_xception", options | {"residual_fusion": False}


def _kernels(detector: TwoStreamXception) -> dict[str, Tensor]:
    return {n: detector.get_submodule(part).get_buffer("kernel") for n, part in _KERNELS.items()}


def _constants(detector: TwoStreamXception) -> dict[str, Tensor]:
    head = detector.head.state_dict()
    unused = {f"{UNUSED_HEAD}.{leaf}": torch.zeros_like(t) for leaf, t in head.items()}
    return _kernels(detector) | unused


def _rename(prefixes: dict[str, str], name: str) -> str:
    part, rest = name.split(".", 1)
    if part in ("rgb", "noise"):
        return f"{prefixes[part]}.{published_name(rest)}"
    if part in ("cross1", "cross2"):
        layer, dot, leaf = rest.partition(".")
        kind = layer.rstrip("12")
        theirs = f"{_CROSS[kind]}{layer.removeprefix(kind)}{dot}{leaf}"
        return f"dual_cma{int(part[-1]) - 1}.{theirs}"
    return renamed(prefixes, name)


def _refuse(detector: TwoStreamXception) -> str:
    released = detector.reference_compatible and detector.fusion.residual
    if released and isinstance(detector.head, torch.nn.Linear):
        return ""
    return (
        "The released code cannot compute this detector: build it with reference_compatible=True, "
        'residual_fusion=True and head="linear" to train for that layout.'
    )


TWO_STREAM = Layout(
    source="the released two-stream network (Luo et al., CVPR 2021)",
    describe=_describe,
    constants=_constants,
    rename=partial(_rename, _PREFIXES),
    kind=TwoStreamXception,
    refuse=_refuse,
)

DEEPFAKEBENCH = benchmark(
    "SRM",
    describe=_describe_benchmark,
    constants=lambda detector: _kernels(detector) | {"blur.weight": torch.zeros(3, 1, 7, 7)},
    ignored=("backbone_srm.last_linear.", "backbone_rgb.adjust_", "backbone_srm.adjust_"),
    rename=partial(_rename, _BENCHMARK),
)
"""The same network under other names but for its fusion. Its probabilities are close to .5: the
cosines that AM-Softmax trained were multiplied by 30 there, and are not when it is used."""
