"""Every detector by name. A new detector is a new file and one new entry here."""

import difflib
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn

from .amtennet import amtennet
from .blend_map import blend_lite, blend_map
from .converted import SFI_PREFIX, sfi_detector
from .f3net import f3net, f3net_fad
from .information_bottleneck import ib, ib_efficientnet_b0, ib_mobilenet, ib_resnet34
from .m2tr import m2tr
from .meso import meso4, meso_inception4
from .mobilenet import mobilenet
from .multi_task import multi_task
from .plain import PREFIX, efficientnet_b4, timm_detector
from .resnet import resnet26, resnet50, resnet101, resnet152
from .sficonv import (
    sfi_mobilenet,
    sfi_resnet26,
    sfi_resnet50,
    sfi_resnet101,
    sfi_resnet152,
    sfi_vgg13,
    sfi_vgg16,
    sfi_vgg19,
)
from .two_stream import two_stream_xception
from .vgg import vgg13, vgg16, vgg19
from .xception import xception

DETECTORS: dict[str, Callable[..., nn.Module]] = {
    "amtennet": amtennet,
    "blend_lite": blend_lite,
    "blend_map": blend_map,
    "efficientnet_b4": efficientnet_b4,
    "f3net": f3net,
    "f3net_fad": f3net_fad,
    "ib": ib,
    "ib_efficientnet_b0": ib_efficientnet_b0,
    "ib_mobilenet": ib_mobilenet,
    "ib_resnet34": ib_resnet34,
    "m2tr": m2tr,
    "meso4": meso4,
    "meso_inception4": meso_inception4,
    "mobilenet": mobilenet,
    "multi_task": multi_task,
    "resnet26": resnet26,
    "resnet50": resnet50,
    "resnet101": resnet101,
    "resnet152": resnet152,
    "sfi_mobilenet": sfi_mobilenet,
    "sfi_resnet26": sfi_resnet26,
    "sfi_resnet50": sfi_resnet50,
    "sfi_resnet101": sfi_resnet101,
    "sfi_resnet152": sfi_resnet152,
    "sfi_vgg13": sfi_vgg13,
    "sfi_vgg16": sfi_vgg16,
    "sfi_vgg19": sfi_vgg19,
    "two_stream_xception": two_stream_xception,
    "vgg13": vgg13,
    "vgg16": vgg16,
    "vgg19": vgg19,
    "xception": xception,
}
"""Builders by name: ``name -> (options) -> network`` of (B, 3, H, W) images to (B, 2) logits."""

PREFIXES: dict[str, Callable[..., nn.Module]] = {PREFIX: timm_detector, SFI_PREFIX: sfi_detector}
"""Builders of whatever timm's name behind the prefix stands for."""

FAMILIES: dict[str, str] = {
    "amtennet": "Guo et al., CVIU 2021",
    "blend": "telltrace's own, after Li et al., CVPR 2020",
    "efficientnet": "Tan and Le, ICML 2019",
    "f3net": "Qian et al., ECCV 2020",
    "ib": "Ba et al., AAAI 2024",
    "m2tr": "Wang et al., ICMR 2022",
    "meso": "Afchar et al., WIFS 2018",
    "mobilenet": "Howard et al., arXiv:1704.04861",
    "multi_task": "Nguyen et al., BTAS 2019",
    "resnet": "He et al., CVPR 2016",
    "sfi": "Guo et al., IEEE TIFS 2024",
    "two_stream": "Luo et al., CVPR 2021",
    "vgg": "Simonyan and Zisserman, ICLR 2015",
    "xception": "Chollet, CVPR 2017",
}
"""Papers by family; a family is what its detectors' names begin with."""


def create_detector(name: str, **options: Any) -> nn.Module:
    """Build a detector with freshly initialised weights.

    Args:
        name: Key of :data:`DETECTORS`, or ``timm:`` or ``sfi:`` and timm's name of a network;
            the latter converts it to its space-frequency form.
        options: Keyword arguments of that builder.

    Raises:
        ValueError: If there is no such detector, or it has no such option; the message names
            the closest detectors, or the options there are.
    """
    prefix, colon, rest = name.partition(":")
    if prefix + colon in PREFIXES:
        build: Callable[..., nn.Module] = partial(PREFIXES[prefix + colon], rest)
    elif name in DETECTORS:
        build = DETECTORS[name]
    else:
        close = difflib.get_close_matches(name, DETECTORS) or sorted(DETECTORS)
        raise ValueError(f"No detector is named {name!r}. Did you mean {', '.join(close)}?")
    known = inspect.signature(build).parameters
    unknown = [option for option in options if option not in known]
    if unknown:
        raise ValueError(
            f"{name} has no option {', '.join(map(repr, unknown))}. It has: {', '.join(known)}."
        )
    return build(**options)


class DetectorInfo(NamedTuple):
    """What can be said about a detector before it is built."""

    name: str
    family: str
    paper: str
    """Who published it; empty where :data:`FAMILIES` does not say."""

    def parameters(self) -> int:
        """Count its learnable parameters; the network is built without memory for them."""
        with torch.device("meta"):
            return sum(p.numel() for p in create_detector(self.name).parameters())


def list_detectors(family: str | None = None) -> list[DetectorInfo]:
    """Every detector, by name.

    Args:
        family: Only those of one family, such as ``"sfi"``.

    Raises:
        ValueError: If there is no such family; the message names those there are.

    Examples:
        >>> [d.name for d in list_detectors("sfi")][:2]
        ['sfi_mobilenet', 'sfi_resnet101']
    """
    rows = []
    for name in sorted(DETECTORS):
        own = max((f for f in FAMILIES if name.startswith(f)), key=len, default=name)
        rows.append(DetectorInfo(name, own, FAMILIES.get(own, "")))
    if family is None:
        return rows
    chosen = [row for row in rows if row.family == family]
    if not chosen:
        families = ", ".join(sorted({row.family for row in rows}))
        raise ValueError(f"No detector is of family {family!r}; there are {families}.")
    return chosen
