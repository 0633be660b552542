"""The published Xceptions of face forgery detection, in and out."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from telltrace.models.xception import Xception, modern_names, published_name

from .layout import ANY_FILE, Layout, State, benchmark, renamed


def _describe(state: State) -> tuple[str, dict[str, Any]]:
    channels, classes = state["conv1.weight"].shape[1], len(state["last_linear.weight"])
    return "xception", {"num_classes": classes, "in_channels": channels}


def rename(features: str, others: Mapping[str, str], name: str) -> str:
    """The published name of a tensor of features, or of what is beside them."""
    part, rest = name.split(".", 1)
    return features + published_name(rest) if part == "features" else renamed(others, name)


XCEPTION = benchmark(
    "Xception",
    files=ANY_FILE,
    mark="bn1.weight",
    clean=modern_names,
    describe=_describe,
    ignored=("adjust_channel.",),
    rename=partial(rename, "", {"head.": "last_linear."}),
    kind=Xception,
)
"""That of FaceForensics++, DeepfakeBench and timm's ``legacy_xception``."""


def _describe_pair(_: State) -> tuple[str, dict[str, Any]]:
    return "xception", {}


def benchmark_xception(method: str) -> Layout:
    """The layout of a method of DeepfakeBench whose network is this one."""
    own = {name: getattr(XCEPTION, name) for name in ("mark", "clean", "ignored", "rename")}
    return benchmark(method, describe=_describe_pair, **own)


DEEPFAKEBENCH, CORE = benchmark_xception("Xception"), benchmark_xception("CORE")
"""A picture's colours in, real and fake out; what CORE adds is in its training."""
SPSL = replace(benchmark_xception("SPSL"), describe=lambda _: ("spsl", {}))
"""Colours come first in its first kernel, then the phase."""
