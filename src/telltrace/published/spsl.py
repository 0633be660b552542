"""DeepfakeBench's SPSL, in."""

from dataclasses import replace
from typing import Any

from .layout import State
from .xception import benchmark_xception


def _describe(state: State) -> tuple[str, dict[str, Any]]:
    return "spsl", {}


SPSL = replace(benchmark_xception("SPSL"), describe=_describe)
"""Colours come first in its first kernel, then the phase."""
