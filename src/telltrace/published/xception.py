"""The published Xceptions of face forgery detection, in and out."""

from dataclasses import replace
from typing import Any

from telltrace.models.xception import Xception, modern_names, published_name

from .layout import BENCHMARK, BENCHMARK_LICENCE, Layout, State


def _describe(state: State) -> tuple[str, dict[str, Any]]:
    channels, classes = state["conv1.weight"].shape[1], len(state["last_linear.weight"])
    return "xception", {"num_classes": classes, "in_channels": channels}


def rename(name: str) -> str:
    """The published name of a tensor of features and a head."""
    part, rest = name.split(".", 1)
    return published_name(rest) if part == "features" else f"last_linear.{rest}"


XCEPTION = Layout(
    source="Xception as DeepfakeBench publishes it",
    licence=BENCHMARK_LICENCE,
    frames="mean",
    preprocessing=BENCHMARK,
    mark="bn1.weight",
    clean=modern_names,
    describe=_describe,
    ignored=("adjust_channel.",),
    rename=rename,
    kind=Xception,
)
"""That of FaceForensics++, DeepfakeBench and timm's ``legacy_xception``."""


def _describe_pair(state: State) -> tuple[str, dict[str, Any]]:
    return "xception", {}


def _benchmark(method: str) -> Layout:
    source, files = f"{method} as DeepfakeBench publishes it", (f"{method.lower()}_best.pth",)
    return replace(XCEPTION, source=source, files=files, describe=_describe_pair, kind=None)


DEEPFAKEBENCH, CORE = _benchmark("Xception"), _benchmark("CORE")
"""A picture's colours in, real and fake out; what CORE adds is in its training."""
