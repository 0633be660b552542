"""The ways to show where in a face a detector sees a forgery, by name, and which a detector has."""

from collections.abc import Callable
from itertools import product
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from telltrace.checkpoint import Detector
from telltrace.errors import OptionError
from telltrace.models.multi_task import MultiTask

from .gradients import (
    Crops,
    evaluated,
    forgery_attention,
    grad_cam,
    grad_cam_plus_plus,
    inputs,
    integrated_gradients,
    layer_cam,
    margins,
    scaled,
)
from .inside import ATTENTIONS, RESIDUALS, layer_maps, layers_of
from .regions import Maps

CELLS, WIDE = 8, 2
"""Cells a side of an occlusion's map, and of the square that is occluded at a time."""
BLUR: Final = 16
"""A face without its detail is blurred by a sixteenth of its side (standard deviation)."""


def own_map(detector: Detector, crops: Crops) -> Maps:
    """The detector's own probability that each place was pasted: not scaled, one pass with a score.

    (N, H, W, 3) RGB face crops to (N, h, w).
    """
    resize = detector.card.preprocessing.resize
    _, found = detector.judge_resized(np.stack([resize(crop) for crop in crops]))
    if found is None:  # in its own network, which `judge_resized` does not ask for it
        network: Any = detector.network
        with evaluated(network), torch.no_grad():
            places = network.verdicts(inputs(detector, crops)).segmentation
        found = places.softmax(1)[:, 1].float().cpu().numpy()
    return found


def _has_map(detector: Detector) -> bool:
    """Whether its answer to a black crop has a map; asked once."""
    if detector not in _MAPPED:
        size = detector.card.preprocessing.image_size
        _, found = detector.judge_resized(np.zeros((1, size, size, 3), np.uint8))
        _MAPPED[detector] = found is not None or isinstance(detector.network, MultiTask)
    return _MAPPED[detector]


_MAPPED: Final[WeakKeyDictionary[Detector, bool]] = WeakKeyDictionary()


def occlusion(detector: Detector, crops: Crops) -> Maps:
    """How much less forged a face looks where a square of it is blurred, (N, 8, 8).

    Each place has the mean of the 49 squares that lie over it. Squares whose blur makes the face
    look more forged are 0.

    References:
        Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014,
        section 4.2, with the blur of Fong and Vedaldi, ICCV 2017, in place of grey.
    """
    network = detector.network
    sharp, soft = inputs(detector, crops), inputs(detector, blurred(crops))
    edges = np.linspace(0, sharp.shape[-1], CELLS + 1).round().astype(int)
    total, count = torch.zeros(len(sharp), CELLS, CELLS), torch.zeros(CELLS, CELLS)
    with evaluated(network), torch.no_grad():
        before = margins(network, sharp)
        for row, column in product(range(CELLS - WIDE + 1), repeat=2):
            rows, columns = slice(row, row + WIDE), slice(column, column + WIDE)
            top, bottom, left, right = edges[[row, row + WIDE, column, column + WIDE]]
            hidden = sharp.clone()
            hidden[..., top:bottom, left:right] = soft[..., top:bottom, left:right]
            drop = (before - margins(network, hidden)).float().cpu()
            total[:, rows, columns] += drop[:, None, None]
            count[rows, columns] += 1
    return scaled((total / count).relu())


def attention(detector: Detector, crops: Crops) -> Maps:
    """The spatial attention of the network itself, (N, h, w), whatever its answer is."""
    (found,) = layer_maps(detector, crops, ATTENTIONS).values()
    return found


def residual(detector: Detector, crops: Crops) -> Maps:
    """The noise that MCSConv or SRM leave of the face, (N, h, w), whatever the answer is."""
    (found,) = layer_maps(detector, crops, RESIDUALS).values()
    return found


class Method(NamedTuple):
    """One way to a map."""

    compute: Callable[[Detector, Crops], Maps]
    fits: Callable[[Detector], bool]
    """Whether a detector of one network has it."""
    meaning: str
    """What a high value says, in words."""
    is_probability: bool = False
    """Whether values of different faces can be compared; else each map reaches from 0 to 1."""


def _has_places(detector: Detector) -> bool:
    return any(isinstance(module, nn.Conv2d) for module in detector.network.modules())


METHODS: Final[dict[str, Method]] = {
    "map": Method(
        own_map,
        _has_map,
        "the detector takes the place for pasted",
        is_probability=True,
    ),
    "gradcam": Method(grad_cam, _has_places, "features there speak for fake"),
    "gradcam++": Method(grad_cam_plus_plus, _has_places, "features there speak for fake"),
    "layercam": Method(layer_cam, _has_places, "finer features there speak for fake"),
    "integrated-gradients": Method(
        integrated_gradients, lambda _: True, "pixels there add to fake, compared with grey"
    ),
    "occlusion": Method(
        occlusion, lambda _: True, "the face looks less forged when the place is blurred"
    ),
    "attention": Method(
        attention,
        lambda detector: bool(layers_of(detector, ATTENTIONS)),
        "the network's attention lets the place through",
    ),
    "residual": Method(
        residual,
        lambda detector: bool(layers_of(detector, RESIDUALS)),
        "noise is strong there, forged or not",
    ),
    "fam": Method(forgery_attention, lambda _: True, "the answer is sensitive to pixels there"),
}
"""All methods by name: (N, H, W, 3) RGB face crops, cut as the detector's ``crop`` cuts them, to
maps (N, h, w) float32 in [0, 1]."""


def methods_of(detector: Detector) -> tuple[str, ...]:
    """Names of the methods that a detector has; an ensemble has none, but its members do."""
    if len(detector.members) > 1:
        return ()
    return tuple(name for name, method in METHODS.items() if method.fits(detector))


def explain_crops(detector: Detector, crops: Crops, method: str) -> Maps:
    """Maps (N, h, w) in [0, 1] of (N, H, W, 3) RGB face crops, by a method of :data:`METHODS`.

    A method that the detector does not have is an OptionError that lists those it has.
    """
    check_method(detector, method)
    return METHODS[method].compute(detector, crops)


def check_method(detector: Detector, method: str) -> None:
    """An OptionError if the detector does not have the method; it lists those that it has."""
    single = len(detector.members) == 1
    if single and method in METHODS and METHODS[method].fits(detector):
        return
    known = methods_of(detector)
    remedy = f"It has: {', '.join(known)}." if known else "Give one of its detectors."
    what = f"The detector {detector.card.detector}" if known else "An ensemble"
    raise OptionError(f"{what} has no method {method!r}", remedy=remedy)


def blurred(crops: Crops) -> list[NDArray[np.uint8]]:
    """Faces (H, W, 3) without their detail."""
    return [
        np.asarray(cv2.GaussianBlur(crop, (0, 0), max(1.0, len(crop) / BLUR)), np.uint8)
        for crop in crops
    ]
