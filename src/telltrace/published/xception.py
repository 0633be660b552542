"""The published Xceptions of face forgery detection, in and out."""

from typing import Any

from telltrace.models.xception import Xception, modern_names, published_name

from .layout import BENCHMARK, BENCHMARK_LICENCE, Layout, State


def _describe(state: State) -> tuple[str, dict[str, Any]]:
    channels, classes = state["conv1.weight"].shape[1], len(state["last_linear.weight"])
    return "xception", {"num_classes": classes, "in_channels": channels}


def _published(name: str) -> str:
    part, rest = name.split(".", 1)
    return published_name(rest) if part == "features" else f"last_linear.{rest}"


XCEPTION = Layout(
    source="Xception as DeepfakeBench publishes it",
    licence=BENCHMARK_LICENCE,
    preprocessing=BENCHMARK,
    mark="bn1.weight",
    clean=modern_names,
    describe=_describe,
    ignored=("adjust_channel.",),
    rename=_published,
    kind=Xception,
)
"""That of FaceForensics++, DeepfakeBench and timm's ``legacy_xception``."""
