"""Which pixels and places move a detector's "fake": what its gradients say."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from telltrace.checkpoint import Detector
from telltrace.errors import OptionError

from .regions import Maps

Crops = Sequence[NDArray[np.uint8]] | NDArray[np.uint8]

STEPS: Final = 16
"""Pictures between nothing and the face along which gradients are averaged."""
CELL: Final = 8
"""Side, in pixels, of the squares over which single pixels' attributions are summed up."""


class Keep(Protocol):
    """Called with a module that ran, what it was given and its output; may replace the output."""

    def __call__(self, module: nn.Module, given: Any, output: Any) -> Tensor | None: ...


def forgery_attention(detector: Detector, crops: Crops) -> Maps:
    """How much each pixel of the input moves the difference between fake and real.

    The largest absolute gradient of the channels; what Guo et al. average for their Figure 5.

    Shape:
        (N, H, W, 3) RGB face crops, cut as ``detector.crop`` cuts them, to (N, S, S) at the
        detector's input size S, each map scaled to [0, 1].

    References:
        Wang and Deng, "Representative Forgery Mining for Fake Face Detection", CVPR 2021, Eq. 1.
    """
    return scaled(_gradient(detector, inputs(detector, crops)).abs().amax(1))


def integrated_gradients(detector: Detector, crops: Crops) -> Maps:
    """What each square of 8 x 8 pixels adds to "fake", on the way from a grey picture to the face.

    Grey is what the network reads as 0. Squares that speak for "real" are 0. (N, H, W, 3) RGB face
    crops to (N, S / 8, S / 8).

    References:
        Sundararajan et al., "Axiomatic Attribution for Deep Networks", ICML 2017, Eq. 3, at the
        middles of 16 steps.
    """
    images = inputs(detector, crops)
    shares = (torch.arange(STEPS) + 0.5) / STEPS
    added = images * sum(_gradient(detector, images * float(s)) for s in shares) / STEPS
    return scaled(F.avg_pool2d(added.sum(1, keepdim=True), CELL, ceil_mode=True)[:, 0].relu())


def grad_cam(detector: Detector, crops: Crops, within: nn.Module | None = None) -> Maps:
    """Which places of the last features that have a height and a width speak for "fake".

    ``within`` is the part of the network whose last features are meant, by default all of it;
    features of one channel are an answer already, and do not count. A map that speaks for "real"
    throughout is zero everywhere. An OptionError if no features of the network have a height and a
    width. (N, H, W, 3) RGB face crops to (N, S, S), each map scaled to [0, 1].

    References:
        Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks", ICCV 2017, Eq. 1, 2.
    """
    feature, gradient = _last_features(detector, crops, within)
    return _enlarged(detector, gradient.mean((2, 3), keepdim=True) * feature)


def grad_cam_plus_plus(detector: Detector, crops: Crops) -> Maps:
    """As :func:`grad_cam`, but weights that let several places of one face count.

    References:
        Chattopadhyay et al., "Grad-CAM++", WACV 2018, Eq. 5 and 19.
    """
    feature, gradient = _last_features(detector, crops)
    cubes = (feature * gradient**3).sum((2, 3), keepdim=True)
    share = gradient**2 / (2 * gradient**2 + cubes + torch.finfo(gradient.dtype).tiny)
    weights = (share * gradient.relu()).sum((2, 3), keepdim=True)
    return _enlarged(detector, weights * feature)


def layer_cam(detector: Detector, crops: Crops) -> Maps:
    """As :func:`grad_cam`, but of finer features, each place of which has a weight of its own.

    They are the last that have a place for at most 16 x 16 pixels.

    References:
        Jiang et al., "LayerCAM", IEEE TIP 2021, Eq. 5 and 6.
    """
    fine = -(-detector.card.preprocessing.image_size // 16)
    feature, gradient = _last_features(detector, crops, least=fine)
    return _enlarged(detector, gradient.relu() * feature)


def inputs(detector: Detector, crops: Crops) -> Tensor:
    """What the network reads of the crops, (N, 3, S, S)."""
    if len(detector.members) > 1:
        remedy = "Give one of its detectors."
        raise OptionError("An ensemble has no single network to look into", remedy=remedy)
    preprocessing = detector.card.preprocessing
    images = np.stack([preprocessing.resize(crop) for crop in crops])
    return preprocessing.tensor(torch.as_tensor(images).to(detector.device))


def margins(network: nn.Module, images: Tensor) -> Tensor:
    """Fake logit less real logit, (N,)."""
    logits = network(images)
    return logits[:, 1] - logits[:, 0]


def _gradient(detector: Detector, images: Tensor) -> Tensor:
    """Of the margin, at each pixel."""
    with evaluated(detector.network):
        images = images.detach().requires_grad_()
        (found,) = torch.autograd.grad(margins(detector.network, images).sum(), images)
    return found


def _last_features(
    detector: Detector, crops: Crops, within: nn.Module | None = None, least: int = 2
) -> tuple[Tensor, Tensor]:
    """The features of the last layer of so many places a side, and the margin's gradient there.

    What comes before that layer needs no gradient: one face shows which layer it is.
    """
    images = inputs(detector, crops)
    layer = _last_layer(detector.network, images[:1], within or detector.network, least)
    leaf: list[Tensor] = []

    def keep(module: nn.Module, given: Any, output: Any) -> Tensor:
        torch.set_grad_enabled(True)
        leaf[:] = [output.detach().requires_grad_()]
        return leaf[0].clone()  # what follows may change it in place

    with evaluated(detector.network), torch.no_grad(), watched([layer], keep):
        score = margins(detector.network, images).sum()
        (gradient,) = torch.autograd.grad(score, leaf)
    return leaf[0].detach(), gradient


def _last_layer(network: nn.Module, image: Tensor, within: nn.Module, least: int) -> nn.Module:
    """The last layer whose output the answer depends on, has channels and so many places a side."""
    ran: list[tuple[nn.Module, Tensor]] = []

    def keep(module: nn.Module, given: Any, output: Any) -> Tensor | None:
        if not isinstance(output, Tensor) or output.dim() != 4:
            return None
        if output.shape[1] < 2 or min(output.shape[2:]) < 2:
            return None
        ran.append((module, output))
        return output.clone()

    with evaluated(network), watched(within.modules(), keep):
        score = margins(network, image.requires_grad_()).sum()
        outputs = [output for _, output in ran]
        found = torch.autograd.grad(score, outputs, allow_unused=True) if outputs else ()
    used = [pair for pair, gradient in zip(ran, found, strict=True) if gradient is not None]
    if not used:
        remedy = "Ask for the attention of its pixels (fam)."
        raise OptionError("The network has no features with a height and a width.", remedy=remedy)
    fine = [module for module, output in used if min(output.shape[2:]) >= least]
    return (fine or [module for module, _ in used])[-1]


def _enlarged(detector: Detector, weighted: Tensor) -> Maps:
    """What speaks for fake of weighted features (N, C, h, w), at the size of the input."""
    maps, size = weighted.sum(1, keepdim=True).relu(), detector.card.preprocessing.image_size
    return scaled(F.interpolate(maps, (size, size), mode="bilinear", align_corners=False)[:, 0])


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
def watched(modules: Iterable[nn.Module], keep: Keep) -> Iterator[None]:
    """Call ``keep`` with each of these modules that runs, its inputs and its output.

    What it returns, unless None, takes the output's place.
    """
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
