"""State dicts as Ba et al. publish them, to and from our information bottleneck."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..models.information_bottleneck import (
    InformationBottleneckNet,
    ib_efficientnet_b0,
    ib_mobilenet,
    ib_resnet34,
)
from ..models.xception_weights import take


def _resnet34(name: str) -> str:
    return name


def _mobilenet(name: str) -> str:
    """``model.<block>.<layer>`` counts all blocks, where timm counts them by stage."""
    *place, layer, tensor = name.split(".")
    if not place:
        return f"model.0.{'0' if layer == 'conv_stem' else '1'}.{tensor}"
    number = {"conv_dw": 0, "bn1": 1, "conv_pw": 3, "bn2": 4}[layer]
    return f"model.{1 + _counted(place, (1, 2, 2, 6, 2))}.{number}.{tensor}"


def _efficientnet(name: str) -> str:
    """``_blocks.<block>._<layer>`` counts all blocks; the first of them expands nothing."""
    *place, layer, tensor = name.split(".")
    if not place:
        return "_" + {"bn1": "bn0", "bn2": "bn1"}.get(layer, layer) + f".{tensor}"
    number = _counted(place, (1, 2, 2, 3, 3, 4, 1))
    first = {"bn1": "bn1", "conv_pw": "project_conv", "bn2": "bn2"}
    later = {"conv_pw": "expand_conv", "bn1": "bn0", "bn2": "bn1", "bn3": "bn2"}
    theirs = {"conv_dw": "depthwise_conv", "conv_pwl": "project_conv"}
    theirs |= {"conv_reduce": "se_reduce", "conv_expand": "se_expand"}
    theirs |= later if number else first
    return f"_blocks.{number}._{theirs[layer]}.{tensor}"


def _counted(place: list[str], depths: tuple[int, ...]) -> int:
    """Number among all blocks of timm's ``blocks.<stage>.<block>``."""
    return sum(depths[: int(place[1])]) + int(place[2])


class _Layout(NamedTuple):
    build: Callable[..., InformationBottleneckNet]
    rename: Callable[[str], str]
    """From timm's name of a block's tensor to the published one."""
    unused: dict[str, tuple[int, ...]]
    """Tensors of each published block that nothing reads: an ImageNet classifier."""


_LAYOUTS = {
    "ib_resnet34": _Layout(ib_resnet34, _resnet34, {}),
    "ib_mobilenet": _Layout(
        ib_mobilenet, _mobilenet, {"fc.weight": (1000, 1024), "fc.bias": (1000,)}
    ),
    "ib_efficientnet_b0": _Layout(
        ib_efficientnet_b0, _efficientnet, {"_fc.weight": (1000, 1280), "_fc.bias": (1000,)}
    ),
}

_BACKBONES = {
    "resnet34": "ib_resnet34",
    "mobilenetv1_100": "ib_mobilenet",
    "tf_efficientnet_b0": "ib_efficientnet_b0",
}

_BIASES = {"0": "1", "4": "5"}
"""Bottleneck layers that have a bias in the published code only, and the normalisation behind."""


def _published(name: str, rename: Callable[[str], str]) -> str:
    """The published name of a tensor of ours."""
    part, rest = name.split(".", 1)
    if part == "blocks":
        number, rest = rest.split(".", 1)
        return f"region_model{int(number) + 1}.{rename(rest)}"
    if part == "without_heads":
        number, rest = rest.split(".", 1)
        return f"local_linear{int(number) + 1}.{rest}"
    theirs = {"bottleneck": "bottleneck.model", "joint_head": "baseline_linear"}
    return f"{theirs.get(part, 'linear')}.{rest}"


def load_information_bottleneck(name: str, state: Mapping[str, Any]) -> InformationBottleneckNet:
    """Build a detector from the published weights.

    The biases that a batch normalisation removes again move into its running mean, and the
    ImageNet classifiers that nothing reads are left out; the answers stay the same.

    Args:
        name: ``ib_resnet34``, ``ib_mobilenet`` or ``ib_efficientnet_b0``.
        state: The published state dict, or the dictionary of a published file around it; names
            may start with ``module.``.

    Raises:
        ValueError: If a tensor is missing, unknown or of another shape.
    """
    layout = _LAYOUTS[name]
    given = {key.removeprefix("module."): t for key, t in state.get("state_dict", state).items()}
    blocks = len({key.split(".")[0] for key in given if key.startswith("region_model")})
    head = given.get("linear.1.weight")
    if blocks < 2 or head is None:
        raise ValueError(
            f"This state dict is not a published {name}: expected region_model1, region_model2 "
            f"and linear.1.weight, got {', '.join(sorted(given)[:3]) or 'nothing'}."
        )
    for linear, norm in _BIASES.items():
        bias, mean = (f"bottleneck.model.{linear}.bias", f"bottleneck.model.{norm}.running_mean")
        if bias in given and mean in given:
            given[mean] = given[mean] - given.pop(bias)
    with torch.device("meta"):  # all of it is about to be filled, so no time goes into drawing it
        detector = layout.build(num_blocks=blocks, num_classes=len(head)).to(head.dtype)
    unused = tuple(f"region_model{i + 1}.{key}" for i in range(blocks) for key in layout.unused)
    taken = take(
        detector,
        given,
        lambda ours: _published(ours, layout.rename),
        what=f"a published {name}",
        ignore=unused,
    )
    zero = torch.zeros((), dtype=torch.int64)  # for counters that the oldest files lack
    filled = {key: zero if t.is_meta else t for key, t in taken.items()}
    detector.to_empty(device=head.device).load_state_dict(filled)
    return detector


def export_information_bottleneck(detector: InformationBottleneckNet) -> dict[str, Tensor]:
    """The published state dict of a detector; what ours does without is filled with zeros.

    Args:
        detector: Made by one of the builders that a published file exists for.

    Raises:
        ValueError: If it stands on another backbone.
    """
    backbone = getattr(detector.blocks[0], "default_cfg", {}).get("architecture", "")
    name = _BACKBONES.get(backbone)
    if name is None:
        raise ValueError(
            f"Nothing was published over the backbone {backbone or 'of this detector'}: "
            f"only {', '.join(_LAYOUTS)} have a published layout."
        )
    layout = _LAYOUTS[name]
    state = {_published(key, layout.rename): t for key, t in detector.state_dict().items()}
    like = state["linear.1.weight"]
    for layer in _BIASES:
        width = len(state[f"bottleneck.model.{layer}.weight"])
        state[f"bottleneck.model.{layer}.bias"] = like.new_zeros(width)
    for i in range(len(detector.blocks)):
        for key, shape in layout.unused.items():
            state[f"region_model{i + 1}.{key}"] = like.new_zeros(shape)
    return state
