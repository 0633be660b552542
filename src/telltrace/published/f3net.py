"""DeepfakeBench's F3-Net, in and out."""

from typing import Any

import torch
from torch import Tensor

from telltrace.models.f3net import F3NetFAD
from telltrace.models.xception import FEATURES, modern_names, published_name

from .layout import BENCHMARK, Layout, State

FILTERS = "FAD_head.filters"
UNUSED = {
    "0.weight": (512, FEATURES, 1, 1),
    "0.bias": (512,),
    "1.weight": (512,),
    "1.bias": (512,),
    "1.running_mean": (512,),
    "1.running_var": (512,),
    "1.num_batches_tracked": (),
}
"""Names and shapes in ``adjust_channel``, which no forward pass of F3-Net reaches."""
_WEIGHT = "decompose.filters.weight"


def _describe(state: State) -> tuple[str, dict[str, Any]]:
    return "f3net_fad", {
        "num_classes": len(state["last_linear.weight"]),
        "image_size": state[f"{FILTERS}.0.learnable"].shape[-1],
        "reference_compatible": True,
    }


def _constants(detector: F3NetFAD) -> dict[str, Tensor]:
    dct, bands = detector.decompose.dct, detector.decompose.filters.bands
    matrices = {"FAD_head._DCT_all": dct, "FAD_head._DCT_all_T": dct.T.contiguous()}
    return matrices | {f"{FILTERS}.{i}.base": band for i, band in enumerate(bands)}


def _simplify(state: State, detector: F3NetFAD) -> None:
    state[_WEIGHT] = torch.stack([state.pop(f"{FILTERS}.{i}.learnable") for i in range(4)])


def _rename(name: str) -> str:
    part, rest = name.split(".", 1)
    if part == "features":
        return published_name(rest)
    return f"last_linear.{rest}" if part == "head" else name


def _complete(state: State, detector: F3NetFAD) -> None:
    filters, like = state.pop(_WEIGHT), detector.head.weight
    for name in list(state):
        state[f"backbone.{name}"] = state.pop(name)
    state.update({f"{FILTERS}.{i}.learnable": learnt for i, learnt in enumerate(filters)})
    for leaf, shape in UNUSED.items():
        kind = torch.long if leaf.endswith("tracked") else like.dtype
        state[f"backbone.adjust_channel.{leaf}"] = torch.zeros(shape, dtype=kind)


FAD = Layout(
    source="F3-Net as DeepfakeBench publishes it",
    preprocessing=BENCHMARK,
    mark="bn1.weight",
    clean=modern_names,
    describe=_describe,
    constants=_constants,
    simplify=_simplify,
    ignored=("adjust_channel.",),
    rename=_rename,
    kind=F3NetFAD,
    refuse=lambda detector: (
        ""
        if detector.reference_compatible
        else "The published code cannot compute this detector: build it with "
        "reference_compatible=True to train for that layout."
    ),
    complete=_complete,
)
"""Its first branch, the one that DeepfakeBench trains."""
