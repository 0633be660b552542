"""DeepfakeBench's F3-Net, in and out."""

from typing import Any

import torch
from torch import Tensor, nn

from telltrace.models.f3net import F3NetFAD
from telltrace.models.xception import FEATURES, modern_names

from .layout import ANY_FILE, State, benchmark
from .xception import XCEPTION

FILTERS = "FAD_head.filters"
_WEIGHT = "decompose.filters.weight"
_REFUSAL = (
    "The published code cannot compute this detector: build it with reference_compatible=True to "
    "train for that layout."
)


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


def _complete(state: State, detector: F3NetFAD) -> None:
    filters, like = state.pop(_WEIGHT), detector.head.weight
    for name in list(state):
        state[f"backbone.{name}"] = state.pop(name)
    state.update({f"{FILTERS}.{i}.learnable": learnt for i, learnt in enumerate(filters)})
    with torch.device("meta"):  # no forward pass of F3-Net reaches it
        unused = nn.Sequential(nn.Conv2d(FEATURES, 512, 1), nn.BatchNorm2d(512)).to(like.dtype)
    for leaf, tensor in unused.state_dict().items():
        state[f"backbone.adjust_channel.{leaf}"] = torch.zeros_like(tensor, device="cpu")


FAD = benchmark(
    "F3-Net",
    files=ANY_FILE,
    mark="bn1.weight",
    clean=modern_names,
    describe=_describe,
    constants=_constants,
    simplify=_simplify,
    ignored=("adjust_channel.",),
    rename=XCEPTION.rename,
    kind=F3NetFAD,
    refuse=lambda detector: "" if detector.reference_compatible else _REFUSAL,
    complete=_complete,
)
"""Its first branch, the one that DeepfakeBench trains."""
