"""The released M2TR state dict: into our detector, and out of it again."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ..models.m2tr import M2TR, SCALES, STRIDE
from ..models.xception_weights import take

DEPTHS = (2, 4, 4, 6, 6, 8, 2)
"""Blocks in each stage of EfficientNet-B4; the released code counts them in one row."""
SHALLOW = 2
"""Stages before the transformer."""
UNUSED_HEAD = "model._fc"
"""EfficientNet's own classifier, which the released network carries and never asks."""

_SINGLE = {"bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
_EXPANDED = {
    "conv_pw": "_expand_conv",
    "bn1": "_bn0",
    "bn2": "_bn1",
    "conv_pwl": "_project_conv",
    "bn3": "_bn2",
}
_BOTH = {
    "conv_dw": "_depthwise_conv",
    "se.conv_reduce": "_se_reduce",
    "se.conv_expand": "_se_expand",
}
_ENDS = {
    "texture.conv_stem": "model._conv_stem",
    "texture.bn1": "model._bn0",
    "features.conv_head": "model._conv_head",
    "features.bn2": "model._bn1",
    "head": "classifier.projection",
}
_LAYER = {
    "attention.query": "0.t.attention.query_embedding",
    "attention.key": "0.t.attention.key_embedding",
    "attention.value": "0.t.attention.value_embedding",
    "attention.mix": "0.t.attention.output_linear",
    "feed_forward": "0.t.feed_forward.conv",
    "filter": "1.filter",
    "filter_forward": "1.feed_forward.conv",
    "fusion.query": "2.conv1",
    "fusion.key": "2.conv2",
    "fusion.value": "2.conv3",
    "fusion.mix": "2.conv4",
}
_NORMALISED = (
    "0.t.attention.output_linear.0",
    "0.t.feed_forward.conv.0",
    "0.t.feed_forward.conv.3",
    "1.feed_forward.conv.0",
    "1.feed_forward.conv.3",
    "2.conv4.0",
)
"""Convolutions of a layer that a normalisation follows."""


def _released_name(name: str) -> str:
    part, rest = name.split(".", 1)
    if part == "layers":
        index, rest = rest.split(".", 1)
        prefix = next(p for p in _LAYER if rest.startswith(f"{p}."))
        leaf = "complex_weight" if prefix == "filter" else rest.removeprefix(f"{prefix}.")
        return f"layers.{index}.{_LAYER[prefix]}.{leaf}"
    if rest.startswith("blocks."):
        _, stage, block, layer = rest.split(".", 3)
        number = int(stage) + (SHALLOW if part == "features" else 0)
        module, leaf = layer.rsplit(".", 1)
        parts = _BOTH | (_EXPANDED if number else _SINGLE)
        return f"model._blocks.{sum(DEPTHS[:number]) + int(block)}.{parts[module]}.{leaf}"
    module, leaf = name.rsplit(".", 1)
    return f"{_ENDS[module]}.{leaf}"


def _layers(state: Mapping[str, Tensor]) -> Iterator[str]:
    """``layers.0``, ``layers.1`` and so on, as far as there are filters."""
    number = 0
    while f"layers.{number}.1.filter.complex_weight" in state:
        yield f"layers.{number}"
        number += 1


def load_m2tr(state: Mapping[str, Tensor]) -> M2TR:
    """Build the detector that a released state dict describes, and fill it.

    Image size, depth and number of classes are read from the shapes. What cannot change an
    answer is left out: EfficientNet's own classifier, the keys' biases, and the queries and keys
    of the patch that is as large as the map. Biases that a normalisation subtracts again move
    into its running mean. The answers stay the same; but they are logits, where the released
    network gives their sigmoids in evaluation.

    Args:
        state: State dict of the released ``M2TR`` on EfficientNet-B4, as it is or behind
            ``module.``.

    Raises:
        ValueError: If tensors are missing, left over or of another shape.
    """
    given = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    head, gains = (
        given.get(name)
        for name in ("classifier.projection.weight", "layers.0.1.filter.complex_weight")
    )
    if head is None or gains is None or gains.ndim != 4:
        raise ValueError("This is no released M2TR: its first filter or its head is missing.")
    layers = list(_layers(given))
    detector = M2TR(
        image_size=gains.shape[0] * STRIDE["efficientnet_b4"],
        depth=len(layers),
        num_classes=head.shape[0],
    ).to(head.dtype)
    for layer in layers:
        _simplify(given, layer)
    what = "a released M2TR on EfficientNet-B4"
    detector.load_state_dict(
        take(detector, given, _released_name, what=what, ignore=(f"{UNUSED_HEAD}.",))
    )
    return detector


def _simplify(given: dict[str, Tensor], layer: str) -> None:
    """Turn one layer's tensors into what ours does with, in place."""
    for name in ("0.t.attention.key_embedding.bias", "2.conv2.bias"):
        given.pop(f"{layer}.{name}", None)
    value, mix = given.pop(f"{layer}.2.conv3.bias", None), given.get(f"{layer}.2.conv4.0.weight")
    mean = f"{layer}.2.conv4.1.running_mean"
    if value is not None and mix is not None and mean in given:
        given[mean] = given[mean] - mix.flatten(1) @ value  # attention's weights sum to 1
    for conv in _NORMALISED:
        part, number = conv.rsplit(".", 1)
        mean = f"{layer}.{part}.{int(number) + 1}.running_mean"
        bias = given.pop(f"{layer}.{conv}.bias", None)
        if bias is not None and mean in given:
            given[mean] = given[mean] - bias
    for kind in ("query_embedding.weight", "query_embedding.bias", "key_embedding.weight"):
        name = f"{layer}.0.t.attention.{kind}"
        if name in given:
            given[name] = given[name][len(given[name]) // SCALES :]
    name = f"{layer}.1.filter.complex_weight"
    given[name] = given[name].permute(2, 0, 1, 3)


def export_m2tr(detector: M2TR) -> dict[str, Tensor]:
    """Turn a detector into the released state dict, complete enough for a strict load there.

    What ours does without is filled with zeros.

    Args:
        detector: On EfficientNet-B4, the only backbone that the released code can build.

    Raises:
        ValueError: If the detector has another backbone.
    """
    if detector.backbone != "efficientnet_b4":
        raise ValueError(
            f"The released code cannot build M2TR on {detector.backbone}; "
            'train it with backbone="efficientnet_b4" for that layout.'
        )
    state = {_released_name(name): tensor for name, tensor in detector.state_dict().items()}
    for layer in list(_layers(state)):
        _complete(state, layer)
    for leaf, tensor in detector.head.state_dict().items():
        state[f"{UNUSED_HEAD}.{leaf}"] = torch.zeros_like(tensor)
    return state


def _complete(state: dict[str, Tensor], layer: str) -> None:
    """Give one layer's tensors the released shapes, in place."""
    name = f"{layer}.1.filter.complex_weight"
    state[name] = state[name].permute(1, 2, 0, 3).contiguous()
    channels = state[name].shape[2]
    for kind in ("query_embedding.weight", "query_embedding.bias", "key_embedding.weight"):
        name = f"{layer}.0.t.attention.{kind}"
        absent = state[name].new_zeros(channels // SCALES, *state[name].shape[1:])
        state[name] = torch.cat((absent, state[name]))
    absent = state[f"{layer}.2.conv4.1.bias"].new_zeros(channels)
    biased = ("0.t.attention.key_embedding", "2.conv2", "2.conv3", *_NORMALISED)
    state.update({f"{layer}.{conv}.bias": absent.clone() for conv in biased})
