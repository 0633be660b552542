"""The released M2TR on EfficientNet-B4, in and out."""

from typing import Any

import torch

from telltrace.data.transforms import Preprocessing
from telltrace.models.m2tr import M2TR, SCALES, STRIDE

from .efficientnet import B4, pytorch_name
from .layout import Layout, State, renamed

SHALLOW = 2
"""Stages before the transformer."""
UNUSED_HEAD = "model._fc"
"""EfficientNet's own classifier, which the released network carries and never reads."""

_LAYER = {
    "attention.query": "0.t.attention.query_embedding",
    "attention.key": "0.t.attention.key_embedding",
    "attention.value": "0.t.attention.value_embedding",
    "attention.mix": "0.t.attention.output_linear",
    "feed_forward": "0.t.feed_forward.conv",
    "filter.": "1.filter.complex_",
    "filter_forward": "1.feed_forward.conv",
    "fusion.query": "2.conv1",
    "fusion.key": "2.conv2",
    "fusion.value": "2.conv3",
    "fusion.mix": "2.conv4",
}
_ASKED = ("query_embedding.weight", "query_embedding.bias", "key_embedding.weight")


def _rename(name: str) -> str:
    part, rest = name.split(".", 1)
    if part == "layers":
        index, rest = rest.split(".", 1)
        return f"layers.{index}.{renamed(_LAYER, rest)}"
    if part == "head":
        return f"classifier.projection.{rest}"
    if part == "features" and rest.startswith("blocks."):
        _, stage, rest = rest.split(".", 2)
        rest = f"blocks.{int(stage) + SHALLOW}.{rest}"
    return f"model.{pytorch_name(rest, B4)}"


def _describe(state: State) -> tuple[str, dict[str, Any]]:
    gains = state["layers.0.1.filter.complex_weight"]
    return "m2tr", {
        "num_classes": len(state["classifier.projection.weight"]),
        "image_size": gains.shape[0] * STRIDE["efficientnet_b4"],
        "depth": sum(name.endswith("filter.complex_weight") for name in state),
    }


def _simplify(state: State, detector: M2TR) -> None:
    """Leave out keys' biases and what the patch of the map's size asks; lay gains as ours are."""
    for layer in (f"layers.{number}" for number in range(len(detector.layers))):
        for name in ("0.t.attention.key_embedding.bias", "2.conv2.bias"):
            state.pop(f"{layer}.{name}", None)
        if (value := state.pop(f"{layer}.2.conv3.bias", None)) is not None:
            mean, mix = f"{layer}.2.conv4.1.running_mean", state[f"{layer}.2.conv4.0.weight"]
            state[mean] = state[mean] - mix.flatten(1) @ value  # attention's weights sum to 1
        for name in (f"{layer}.0.t.attention.{kind}" for kind in _ASKED):
            state[name] = state[name][len(state[name]) // SCALES :]
        name = f"{layer}.1.filter.complex_weight"
        state[name] = state[name].permute(2, 0, 1, 3)


def _complete(state: State, detector: M2TR) -> None:
    for layer in (f"layers.{number}" for number in range(len(detector.layers))):
        name = f"{layer}.1.filter.complex_weight"
        state[name] = state[name].permute(1, 2, 0, 3).contiguous()
        channels = state[name].shape[2]
        for name in (f"{layer}.0.t.attention.{kind}" for kind in _ASKED):
            absent = state[name].new_zeros(channels // SCALES, *state[name].shape[1:])
            state[name] = torch.cat((absent, state[name]))
        for conv in ("0.t.attention.key_embedding", "2.conv2", "2.conv3"):
            state[f"{layer}.{conv}.bias"] = state[name].new_zeros(channels)
    for leaf, tensor in detector.head.state_dict().items():
        state[f"{UNUSED_HEAD}.{leaf}"] = torch.zeros_like(tensor)


M2TR_EFFICIENTNET = Layout(
    source="M2TR (Wang et al., ICMR 2022), a released state dict",
    preprocessing=Preprocessing(),
    describe=_describe,
    simplify=_simplify,
    absorbed=("layers.",),
    ignored=(f"{UNUSED_HEAD}.",),
    rename=_rename,
    kind=M2TR,
    refuse=lambda detector: (
        ""
        if detector.backbone == "efficientnet_b4"
        else f"The released code cannot build M2TR on {detector.backbone}; "
        'train it with backbone="efficientnet_b4" for that layout.'
    ),
    complete=_complete,
)
"""Its network gives sigmoids of the logits in evaluation, ours the logits."""
