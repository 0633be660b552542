"""Layers: what a network is made of."""

from .constrained import ConstrainedConv2d
from .space_frequency import SFIConv2d
from .streams import StreamBatchNorm2d, Streams, each, resample, split_channels

__all__ = [
    "ConstrainedConv2d",
    "SFIConv2d",
    "StreamBatchNorm2d",
    "Streams",
    "each",
    "resample",
    "split_channels",
]
