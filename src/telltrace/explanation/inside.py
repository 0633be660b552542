"""What stands inside the papers' networks: residuals, attention, local blocks and features."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from telltrace.checkpoint import Detector
from telltrace.errors import OptionError
from telltrace.layers import SFIConv2d
from telltrace.layers.attention import SpatialAttention
from telltrace.layers.srm import SRMResidual
from telltrace.models.efficientnet import PlaceAttention
from telltrace.models.information_bottleneck import InformationBottleneckNet

from .gradients import Crops, evaluated, grad_cam, inputs, scaled, watched
from .regions import Maps

RESIDUALS: Final = (SFIConv2d, SRMResidual)
ATTENTIONS: Final = (PlaceAttention, SpatialAttention)
SHOWN: dict[type[nn.Module], tuple[str, Callable[[Any, Tensor, Tensor], Tensor]]] = {
    SFIConv2d: ("MCSConv residual", lambda sfi, x, _: sfi.traces(x[:, sfi.traced]).abs().mean(1)),
    SRMResidual: ("SRM residual", lambda _, x, output: output.abs().mean(1)),
    PlaceAttention: ("attention map", lambda _, x, output: output[:, 0]),
    SpatialAttention: ("spatial attention", lambda _, x, output: output[:, 0]),
}
"""Layers that are shown: as what, and how the layer, its input and output give a map (B, H, W).
Residuals are mean magnitudes over the channels."""


def inner_maps(detector: Detector, crops: Crops) -> dict[str, Maps]:
    """What the detector makes of faces on the way, by name, in the order in which it does.

    The residual of MCSConv (Guo et al., Eq. 1), the SRM residual and the residual guided spatial
    attention (Luo et al., sections 3.2 and 3.3), the attention of Bonettini et al., and where each
    local information block of Ba et al. looks, by Grad-CAM. An OptionError if the network has none
    of these.

    Shape:
        (N, H, W, 3) RGB face crops, cut as ``detector.crop`` cuts them, to (N, h, w) each, in
        [0, 1] and of whatever size the layer has.
    """
    found = layer_maps(detector, crops, tuple(SHOWN))
    if isinstance(detector.network, InformationBottleneckNet):
        for number, block in enumerate(detector.network.blocks, 1):
            found[f"local block {number}"] = grad_cam(detector, crops, block)
    if not found:
        text = f"{detector.card.detector} has no residual, spatial attention or local blocks."
        raise OptionError(text, remedy="Draw its attention (`show attention`).")
    return found


def layer_maps(
    detector: Detector, crops: Crops, kinds: tuple[type[nn.Module], ...]
) -> dict[str, Maps]:
    """What the first layer of each of these kinds of `SHOWN` shows, by name; {} without any."""
    found: dict[str, Maps] = {}

    def keep(module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        name, show = next(shown for kind, shown in SHOWN.items() if isinstance(module, kind))
        if name not in found:
            found[name] = scaled(show(module, given[0], output))

    if layers := layers_of(detector, kinds):
        with evaluated(detector.network), torch.no_grad(), watched(layers, keep):
            detector.network(inputs(detector, crops))
    return found


def layers_of(detector: Detector, kinds: tuple[type[nn.Module], ...]) -> list[nn.Module]:
    """The layers of these kinds of `SHOWN` that have something to show."""
    layers = [module for module in detector.network.modules() if isinstance(module, kinds)]
    return [one for one in layers if not isinstance(one, SFIConv2d) or hasattr(one, "traces")]


def embeddings(detector: Detector, crops: Crops) -> NDArray[np.float32]:
    """The features that the last layer decides on, (N, D), of (N, H, W, 3) RGB face crops.

    An OptionError if no layer of the network makes its two logits of one vector a face.
    """
    read: list[Tensor] = []

    def keep(module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        tensors = [part for part in (*given[:1], output) if isinstance(part, Tensor)]
        shapes = [part.shape[1:] for part in tensors]
        if len(shapes) == 2 and shapes[1] == (2,) and len(shapes[0]) == 1 and shapes[0][0] > 2:
            read.append(tensors[0])

    with evaluated(detector.network), torch.no_grad(), watched(detector.network.modules(), keep):
        detector.network(inputs(detector, crops))
    if not read:
        raise OptionError(f"{detector.card.detector} decides on no vector of features.")
    return read[-1].cpu().numpy().astype(np.float32)
