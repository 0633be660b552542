"""DeepfakeBench's SPSL, in."""

from dataclasses import replace

from .xception import benchmark_xception

SPSL = replace(benchmark_xception("SPSL"), describe=lambda _: ("spsl", {}))
"""Colours come first in its first kernel, then the phase."""
