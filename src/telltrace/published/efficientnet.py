"""EfficientNets as efficientnet_pytorch names them, and the published detectors that are one."""

from functools import partial
from typing import Any

from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop
from telltrace.models.efficientnet import SIDE

from .layout import Layout, benchmark

B0 = (1, 2, 2, 3, 3, 4, 1)
B4 = (2, 4, 4, 6, 6, 8, 2)
"""Blocks in each stage; efficientnet_pytorch counts them in one row."""

_ENDS = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1"}
_FIRST = {"bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
"""In the first stage, whose blocks expand nothing."""
_LATER = {"conv_pw": "_expand_conv", "bn1": "_bn0", "bn2": "_bn1"}
_LATER |= {"conv_pwl": "_project_conv", "bn3": "_bn2"}
_ALL = {"conv_dw": "_depthwise_conv"}
_ALL |= {"se.conv_reduce": "_se_reduce", "se.conv_expand": "_se_expand"}


def pytorch_name(name: str, depths: tuple[int, ...]) -> str:
    """What efficientnet_pytorch calls a tensor that timm calls ``name``.

    Examples:
        >>> pytorch_name("blocks.1.0.se.conv_reduce.bias", B0)
        '_blocks.1._se_reduce.bias'
    """
    module, leaf = name.rsplit(".", 1)
    if not module.startswith("blocks."):
        return f"{_ENDS[module]}.{leaf}"
    _, stage, block, layer = module.split(".", 3)
    names = _ALL | (_LATER if int(stage) else _FIRST)
    return f"_blocks.{sum(depths[: int(stage)]) + int(block)}.{names[layer]}.{leaf}"


def b4(features: str, head: str, **options: Any) -> dict[str, Any]:
    """Fields of the layout of an EfficientNet-B4 with its tensors behind ``features`` and ``head``.

    ``options`` are those of the detector.
    """
    return {
        "mark": f"{features}_conv_stem.weight",
        "describe": lambda _: ("efficientnet_b4_380", dict(options)),
        "rename": partial(_published, features, head),
    }


def _published(features: str, head: str, name: str) -> str:
    if name.startswith("attention."):
        return name.replace("attention.conv", f"{features}attconv")
    name = name.removeprefix("backbone.")
    if name.startswith("classifier."):
        return name.replace("classifier", head)
    return features + pytorch_name(name, B4)


SBI = Layout(
    **b4("", "_fc"),
    source="Self-Blended Images (Shiohara and Yamasaki, CVPR 2022), released weights",
    licence="academic or non-profit, noncommercial research only; no redistribution",
    files=("FFraw.tar",),
    preprocessing=Preprocessing(
        crop=FaceCrop(size=SIDE, alignment="sbi"),
        image_size=SIDE,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
    ),
    frames="mean",
)
BENCHMARK_B4 = benchmark(
    "EfficientNet-B4",
    files=("effnb4_best.pth",),
    **b4("efficientnet.", "last_layer", pad_stem=False),
)
