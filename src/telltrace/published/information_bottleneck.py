"""The information bottlenecks that Ba et al. publish, in and out."""

from collections.abc import Callable
from functools import partial
from typing import Any

from telltrace.models.information_bottleneck import InformationBottleneckNet

from .efficientnet import B0, pytorch_name
from .layout import Layout, State

_PARTS = {"bottleneck": "bottleneck.model", "fused_head": "linear", "joint_head": "baseline_linear"}


def _mobilenet(name: str) -> str:
    """``model.<block>.<layer>`` counts all blocks, where timm counts them by stage."""
    *place, layer, tensor = name.split(".")
    if not place:
        return f"model.0.{'0' if layer == 'conv_stem' else '1'}.{tensor}"
    number = {"conv_dw": 0, "bn1": 1, "conv_pw": 3, "bn2": 4}[layer]
    block = sum((1, 2, 2, 6, 2)[: int(place[1])]) + int(place[2])
    return f"model.{1 + block}.{number}.{tensor}"


def _rename(of_block: Callable[[str], str], name: str) -> str:
    part, rest = name.split(".", 1)
    if part == "blocks":
        number, rest = rest.split(".", 1)
        return f"region_model{int(number) + 1}.{of_block(rest)}"
    if part == "without_heads":
        number, rest = rest.split(".", 1)
        return f"local_linear{int(number) + 1}.{rest}"
    return f"{_PARTS[part]}.{rest}"


def _layout(
    name: str, backbone: str, of_block: Callable[[str], str], unused: dict[str, tuple[int, ...]]
) -> Layout:
    """The layout over a backbone of timm, whose blocks carry an ``unused`` ImageNet classifier."""

    def describe(state: State) -> tuple[str, dict[str, Any]]:
        blocks = len({key.split(".")[0] for key in state if key.startswith("region_model")})
        return name, {"num_blocks": blocks, "num_classes": len(state["linear.1.weight"])}

    def constants(detector: InformationBottleneckNet) -> State:
        like, blocks = detector.joint_head.weight, range(1, len(detector.blocks) + 1)
        zeros = {key: like.new_zeros(shape) for key, shape in unused.items()}
        return {f"region_model{i}.{key}": zero for i in blocks for key, zero in zeros.items()}

    def refuse(detector: InformationBottleneckNet) -> str:
        found = getattr(detector.blocks[0], "default_cfg", {}).get("architecture", "")
        return "" if found == backbone else f"Nothing was published over the backbone {found}."

    return Layout(
        source=f"a published {name} (Ba et al., AAAI 2024)",
        describe=describe,
        constants=constants,
        absorbed=("bottleneck.",),
        rename=partial(_rename, of_block),
        kind=InformationBottleneckNet,
        refuse=refuse,
    )


RESNET34 = _layout("ib_resnet34", "resnet34", lambda name: name, {})
MOBILENET = _layout(
    "ib_mobilenet", "mobilenetv1_100", _mobilenet, {"fc.weight": (1000, 1024), "fc.bias": (1000,)}
)
EFFICIENTNET_B0 = _layout(
    "ib_efficientnet_b0",
    "tf_efficientnet_b0",
    partial(pytorch_name, depths=B0),
    {"_fc.weight": (1000, 1280), "_fc.bias": (1000,)},
)
