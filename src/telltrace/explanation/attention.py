"""The pixels that a detector's "fake" depends on, and what stands inside the papers' networks."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from telltrace.checkpoint import Detector
from telltrace.errors import OptionError
from telltrace.layers import SFIConv2d
from telltrace.layers.attention import SpatialAttention
from telltrace.layers.srm import SRMResidual
from telltrace.models.efficientnet import PlaceAttention
from telltrace.models.information_bottleneck import InformationBottleneckNet

Maps = NDArray[np.float32]
Crops = Sequence[NDArray[np.uint8]]


def forgery_attention(detector: Detector, crops: Crops) -> Maps:
    """How much each pixel of the input moves the difference between fake and real.

    The largest absolute gradient of the channels; what Guo et al. average for their Figure 5.

    Shape:
        (N, H, W, 3) RGB face crops, cut as ``detector.crop`` cuts them, to (N, S, S) at the
        detector's input size S, each map scaled to [0, 1].

    References:
        Wang and Deng, "Representative Forgery Mining for Fake Face Detection", CVPR 2021, Eq. 1.
    """
    with evaluated(detector.network):
        images = inputs(detector, crops)
        (gradient,) = torch.autograd.grad(_forged(detector, images).sum(), images)
    return scaled(gradient.abs().amax(1))


def grad_cam(detector: Detector, crops: Crops, within: nn.Module | None = None) -> Maps:
    """Which places of the last features that have a height and a width speak for "fake".

    The shape is that of :func:`forgery_attention`; ``within`` is the part of the network whose last
    features are meant, by default all of it. A map that speaks for "real" throughout is zero
    everywhere. An OptionError if no features of the network have a height and a width.

    References:
        Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks", ICCV 2017, Eq. 1, 2.
    """
    features: list[Tensor] = []

    def keep(module: nn.Module, given: Any, output: Any) -> Tensor | None:
        if not isinstance(output, Tensor) or output.dim() != 4 or min(output.shape[2:]) < 2:
            return None
        features.append(output)
        return output.clone()  # what follows may change it in place

    with evaluated(detector.network), watched(within or detector.network, keep):
        images = inputs(detector, crops)
        score = _forged(detector, images).sum()
        gradients = torch.autograd.grad(score, features, allow_unused=True) if features else ()
    used = [(f, g) for f, g in zip(features, gradients, strict=True) if g is not None]
    if not used:
        remedy = "Ask for the attention of its pixels (fam)."
        raise OptionError("The network has no features with a height and a width.", remedy=remedy)
    feature, gradient = used[-1]
    maps = F.relu((gradient.mean((2, 3), keepdim=True) * feature).sum(1, keepdim=True))
    size = images.shape[-2:]
    return scaled(F.interpolate(maps, size, mode="bilinear", align_corners=False)[:, 0])


ATTENTION: Final[dict[str, Callable[[Detector, Crops], Maps]]] = {
    "fam": forgery_attention,
    "gradcam": grad_cam,
}
"""What each method is called."""


def inputs(detector: Detector, crops: Crops) -> Tensor:
    """What the network reads of the crops, (N, 3, S, S); it requires a gradient."""
    if len(detector.members) > 1:
        remedy = "Give one of its detectors."
        raise OptionError("An ensemble has no single network to look into", remedy=remedy)
    preprocessing = detector.card.preprocessing
    images = np.stack([preprocessing.resize(crop) for crop in crops])
    return preprocessing.tensor(torch.as_tensor(images).to(detector.device)).requires_grad_()


def _forged(detector: Detector, images: Tensor) -> Tensor:
    logits = detector.network(images)
    return logits[:, 1] - logits[:, 0]


@contextmanager
def evaluated(network: nn.Module) -> Iterator[None]:
    """With gradients and in evaluation mode; afterwards the network is as it was."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with torch.enable_grad():
            yield
    finally:
        for module, training in modes.items():
            module.training = training


@contextmanager
def watched(
    network: nn.Module,
    keep: Callable[..., Tensor | None],
    kinds: tuple[type[nn.Module], ...] = (nn.Module,),
) -> Iterator[None]:
    """Call ``keep`` with every module of these kinds that runs, its inputs and its output.

    What it returns, unless None, takes the output's place.
    """
    modules = [module for module in network.modules() if isinstance(module, kinds)]
    hooks = [module.register_forward_hook(keep) for module in modules]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def scaled(maps: Tensor) -> Maps:
    """Each map of (N, H, W) from 0 to 1; one that is the same everywhere is 0."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    scaled = (maps - low) / (high - low).clamp(min=torch.finfo(maps.dtype).tiny)
    return scaled.detach().cpu().numpy().astype(np.float32)


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
    found: dict[str, Maps] = {}

    def keep(module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        name, show = next(shown for kind, shown in SHOWN.items() if isinstance(module, kind))
        traced = not isinstance(module, SFIConv2d) or hasattr(module, "traces")
        if name not in found and traced:
            found[name] = scaled(show(module, given[0], output))

    with watched(detector.network, keep, tuple(SHOWN)):
        _look(detector, crops)
    if isinstance(detector.network, InformationBottleneckNet):
        for number, block in enumerate(detector.network.blocks, 1):
            found[f"local block {number}"] = grad_cam(detector, crops, block)
    if not found:
        text = f"{detector.card.detector} has no residual, spatial attention or local blocks."
        raise OptionError(text, remedy="Draw its attention (`show attention`).")
    return found


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

    with watched(detector.network, keep):
        _look(detector, crops)
    if not read:
        raise OptionError(f"{detector.card.detector} decides on no vector of features.")
    return read[-1].cpu().numpy().astype(np.float32)


def _look(detector: Detector, crops: Crops) -> None:
    with evaluated(detector.network), torch.no_grad():
        detector.network(inputs(detector, crops))
