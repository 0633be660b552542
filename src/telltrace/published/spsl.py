"""DeepfakeBench's SPSL, in."""

from typing import Any

from telltrace.models.xception import modern_names

from .layout import BENCHMARK, BENCHMARK_LICENCE, Layout, State
from .xception import rename


def _describe(state: State) -> tuple[str, dict[str, Any]]:
    return "spsl", {}


SPSL = Layout(
    source="SPSL as DeepfakeBench publishes it",
    licence=BENCHMARK_LICENCE,
    frames="mean",
    files=("spsl_best.pth",),
    preprocessing=BENCHMARK,
    mark="bn1.weight",
    clean=modern_names,
    describe=_describe,
    ignored=("adjust_channel.",),
    rename=rename,
)
"""Colours come first in its first kernel, then the phase."""
