"""Every detector by name. A new detector is a new file and one new line of :data:`DETECTORS`."""

import difflib
import inspect
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn

from telltrace.errors import OptionError

from .amtennet import AMTENnet
from .blend_map import BlendLite, BlendMap
from .converted import sfi_detector
from .f3net import F3Net, F3NetFAD
from .information_bottleneck import ib, ib_efficientnet_b0, ib_mobilenet, ib_resnet34
from .m2tr import M2TR
from .meso import meso4, meso_inception4
from .mobilenet import mobilenet
from .multi_task import MultiTask
from .plain import efficientnet_b4, timm_detector
from .resnet import resnet
from .sficonv import sfi_mobilenet, sfi_resnet, sfi_vgg
from .two_stream import TwoStreamXception
from .vgg import vgg
from .xception import Xception

DETECTORS: dict[str, Callable[..., nn.Module]] = {
    "amtennet": AMTENnet,
    "blend_lite": BlendLite,
    "blend_map": BlendMap,
    "efficientnet_b4": efficientnet_b4,
    "f3net": F3Net,
    "f3net_fad": F3NetFAD,
    "ib": ib,
    "ib_efficientnet_b0": ib_efficientnet_b0,
    "ib_mobilenet": ib_mobilenet,
    "ib_resnet34": ib_resnet34,
    "m2tr": M2TR,
    "meso4": meso4,
    "meso_inception4": meso_inception4,
    "mobilenet": mobilenet,
    "multi_task": MultiTask,
    "resnet26": partial(resnet, 26),
    "resnet50": partial(resnet, 50),
    "resnet101": partial(resnet, 101),
    "resnet152": partial(resnet, 152),
    "sfi_mobilenet": sfi_mobilenet,
    "sfi_resnet26": partial(sfi_resnet, 26),
    "sfi_resnet50": partial(sfi_resnet, 50),
    "sfi_resnet101": partial(sfi_resnet, 101),
    "sfi_resnet152": partial(sfi_resnet, 152),
    "sfi_vgg13": partial(sfi_vgg, 13),
    "sfi_vgg16": partial(sfi_vgg, 16),
    "sfi_vgg19": partial(sfi_vgg, 19),
    "two_stream_xception": TwoStreamXception,
    "vgg13": partial(vgg, 13),
    "vgg16": partial(vgg, 16),
    "vgg19": partial(vgg, 19),
    "xception": Xception,
}
"""Builders by name: ``(options) -> network`` of (B, 3, H, W) images to (B, 2) logits.

A builder's file may say the ``FAMILY`` of its detectors and their ``PAPER``; the network's class
may name its ``objectives`` (see :mod:`telltrace.losses`), the first of which trains it.
"""

PREFIXES: dict[str, Callable[..., nn.Module]] = {"timm:": timm_detector, "sfi:": sfi_detector}
"""Builders of whatever timm's name behind the prefix stands for."""

RENAMED = {"released": "reference_compatible"}
"""Options under their old names, which checkpoints of version 0.1 hold."""


def create_detector(name: str, **options: Any) -> nn.Module:
    """Build a detector with freshly initialised weights.

    Args:
        name: Key of :data:`DETECTORS`, or ``timm:`` or ``sfi:`` and timm's name of a network;
            the latter converts it to its space-frequency form.
        options: Keyword arguments of that builder.

    Raises:
        OptionError: If there is no such detector, or it has no such option; the message names
            the closest detectors, or the options there are.
    """
    build = _builder(name)
    options = {RENAMED.get(option, option): value for option, value in options.items()}
    known = inspect.signature(build).parameters
    unknown = [option for option in options if option not in known]
    if unknown:
        raise OptionError(
            f"{name} has no option {', '.join(map(repr, unknown))}. It has: {', '.join(known)}."
        )
    return build(**options)


def options_for_size(name: str, options: Mapping[str, Any], image_size: int) -> dict[str, Any]:
    """The options of a detector that is to read images of a size.

    Args:
        name: As of :func:`create_detector`; so are the options.
        options: What they are without regard to the size; one that names it stays.
        image_size: Side of the image, in pixels; only networks of a fixed size are told, and
            only of another than their own.

    Examples:
        >>> options_for_size("meso4", {}, 64), options_for_size("xception", {}, 64)
        ({'image_size': 64}, {})
    """
    parameter = inspect.signature(_builder(name)).parameters.get("image_size")
    own = None if parameter is None else parameter.default
    sized = {} if own in (None, image_size) else {"image_size": image_size}
    return {**sized, **options}


def _builder(name: str) -> Callable[..., nn.Module]:
    prefix, colon, rest = name.partition(":")
    if prefix + colon in PREFIXES:
        return partial(PREFIXES[prefix + colon], rest)
    if name not in DETECTORS:
        close = difflib.get_close_matches(name, DETECTORS) or sorted(DETECTORS)
        raise OptionError(f"No detector is named {name!r}. Did you mean {', '.join(close)}?")
    return DETECTORS[name]


class DetectorInfo(NamedTuple):
    """What can be said about a detector before it is built."""

    name: str
    family: str
    paper: str
    """Who published it; empty where its file does not say."""

    @property
    def options(self) -> dict[str, Any]:
        """Its options and their defaults."""
        parameters = inspect.signature(_builder(self.name)).parameters.values()
        return {p.name: p.default for p in parameters if p.default is not p.empty}

    def parameters(self) -> int:
        """Count its learnable parameters; the network is built without memory for them."""
        with torch.device("meta"):
            return sum(p.numel() for p in create_detector(self.name).parameters())


def list_detectors(family: str | None = None) -> list[DetectorInfo]:
    """Every detector, by name.

    Args:
        family: Only those of one family, such as ``"sfi"``.

    Raises:
        OptionError: If there is no such family; the message names those there are.

    Examples:
        >>> [d.name for d in list_detectors("sfi")][:2]
        ['sfi_mobilenet', 'sfi_resnet101']
    """
    rows = []
    for name, build in sorted(DETECTORS.items()):
        file = sys.modules[getattr(build, "func", build).__module__]
        own, paper = getattr(file, "FAMILY", name), getattr(file, "PAPER", "")
        rows.append(DetectorInfo(name, own, paper))
    if family is None:
        return rows
    chosen = [row for row in rows if row.family == family]
    if not chosen:
        families = ", ".join(sorted({row.family for row in rows}))
        raise OptionError(f"No detector is of family {family!r}; there are {families}.")
    return chosen
