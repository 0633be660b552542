"""Every detector by name. A new detector is a new file and one new entry here."""

import difflib
from collections.abc import Callable
from typing import Any

from torch import nn

from .information_bottleneck import ib, ib_efficientnet_b0, ib_mobilenet, ib_resnet34
from .two_stream import two_stream_xception
from .xception import xception

DETECTORS: dict[str, Callable[..., nn.Module]] = {
    "ib": ib,
    "ib_efficientnet_b0": ib_efficientnet_b0,
    "ib_mobilenet": ib_mobilenet,
    "ib_resnet34": ib_resnet34,
    "two_stream_xception": two_stream_xception,
    "xception": xception,
}
"""Builders by name: ``name -> (options) -> network`` of (B, 3, H, W) images to (B, 2) logits."""


def create_detector(name: str, **options: Any) -> nn.Module:
    """Build a detector with freshly initialised weights.

    Args:
        name: Key of :data:`DETECTORS`.
        options: Keyword arguments of that builder.

    Raises:
        ValueError: If there is no such detector; the message names the closest ones.
    """
    try:
        build = DETECTORS[name]
    except KeyError:
        close = difflib.get_close_matches(name, DETECTORS) or sorted(DETECTORS)
        raise ValueError(
            f"No detector is named {name!r}. Did you mean {', '.join(close)}?"
        ) from None
    return build(**options)
