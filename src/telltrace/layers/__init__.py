"""Layers: what a network is made of."""

import sys
from typing import TYPE_CHECKING

from telltrace.renamed import Package, old_names

from .constrained import ConstrainedConv2d
from .space_frequency import SFIConv2d
from .streams import StreamBatchNorm2d, Streams, each, resample, split_channels

__all__ = [
    "ConstrainedConv2d", "SFIConv2d", "StreamBatchNorm2d", "Streams", "each", "resample",
    "split_channels",
]  # fmt: skip

_OLD = {"convert": "telltrace.convert"}
sys.modules[__name__].__class__ = Package
if not TYPE_CHECKING:
    __getattr__ = old_names(__name__, _OLD)
