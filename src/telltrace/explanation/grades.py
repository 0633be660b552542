"""How good a map is: against true masks, against the detector's own score, and against chance."""

import copy
from collections.abc import Callable
from typing import Final, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import nn

from telltrace.checkpoint import Detector

from .gradients import Crops
from .methods import blurred
from .regions import Maps, resized

Pixels = NDArray[np.uint8]
Masks = NDArray[np.bool_]

PARTS: Final = 6
"""Steps in which the places of a face are taken away or put back."""
CHANGED: Final = (6.0, 3.0)
"""A pixel was changed if its smoothed difference is so many grey levels, and so many times that of
the picture's border."""


class Grade(NamedTuple):
    """How well one map fits one mask; ties count for what chance would make of them."""

    pointing: float
    """Whether the highest place lies in the mask (Zhang et al., ECCV 2016)."""
    iou: float
    """Intersection over union of the mask and as many of the highest places."""
    auc: float
    """Probability that a place in the mask is higher than one outside."""


def grade_map(found: Maps, mask: Masks) -> Grade:
    """Grade one map (h, w), brought to the size of the mask (H, W), which must be neither empty
    nor full; a map that is the same everywhere gets what chance gives."""
    values = resized(found, mask.shape).ravel()
    inside = mask.ravel()
    area, size = int(inside.sum()), len(inside)
    level = np.partition(values, size - area)[size - area]
    above, at = values > level, values == level
    hits = (above & inside).sum() + (area - above.sum()) * (at & inside).sum() / at.sum()
    ranks = rankdata(values)
    auc = (ranks[inside].sum() - area * (area + 1) / 2) / (area * (size - area))
    highest = values == values.max()
    return Grade(float(inside[highest].mean()), float(hits / (2 * area - hits)), float(auc))


def curve_area(
    detector: Detector, before: Crops, after: Crops, maps: Maps, parts: int = PARTS
) -> NDArray[np.float64]:
    """Mean score while faces become others, the highest places of their maps first, (N,).

    ``before`` and ``after`` are as many faces of one size (S, S, 3). With the blurred face as
    ``after`` it is the deletion AUC (low where the map is right), with it as ``before`` the
    insertion AUC (high), and with the real original as ``after`` that of undoing (low).

    References:
        Petsiuk et al., "RISE", BMVC 2018, section 4.3.
    """
    order = [
        np.argsort(-resized(m, f.shape[:2]), axis=None) for m, f in zip(maps, before, strict=True)
    ]
    scores = []
    for part in range(parts + 1):
        mixed = []
        for one, two, places in zip(before, after, order, strict=True):
            picture = one.reshape(-1, 3).copy()
            taken = places[: round(len(places) * part / parts)]
            picture[taken] = two.reshape(-1, 3)[taken]
            mixed.append(picture.reshape(one.shape))
        scores.append(detector.score(mixed))
    return np.asarray(np.trapezoid(np.stack(scores), axis=0) / parts)


def deletion(detector: Detector, crops: Crops, maps: Maps) -> NDArray[np.float64]:
    """Mean score, (N,), while the places a map (N, h, w) names are blurred: low is good."""
    return curve_area(detector, crops, blurred(crops), maps)


def insertion(detector: Detector, crops: Crops, maps: Maps) -> NDArray[np.float64]:
    """Mean score, (N,), while they become sharp in a blurred face: high is good."""
    return curve_area(detector, blurred(crops), crops, maps)


def agreement(ours: Maps, others: Maps) -> NDArray[np.float64]:
    """Rank correlation of each map of (N, h, w) with its other, (N,): Spearman's.

    Of the same faces by detectors of two seeds it should be high, and by a detector whose weights
    are shuffled low. A map that is the same everywhere agrees with none: 0.
    """
    size = max(ours.shape[1:], others.shape[1:])
    found = []
    for pair in zip(ours, others, strict=True):
        one, two = (rankdata(resized(each, size)) - (size[0] * size[1] + 1) / 2 for each in pair)
        length = np.linalg.norm(one) * np.linalg.norm(two)
        found.append(float(one @ two / length) if length > 0 else 0.0)
    return np.array(found)


def shuffled(detector: Detector, seed: int = 0) -> Detector:
    """The same detector with the values of each tensor of weights in random order.

    References:
        Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018, section 4.
    """
    network: nn.Module = copy.deepcopy(detector.network)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            flat = weight.detach().flatten().cpu()
            mixed = flat[torch.randperm(len(flat), generator=generator)]
            weight.copy_(mixed.reshape(weight.shape))
    return Detector(network, detector.card, detector.device, detector.precision)


def difference_mask(fake: Pixels, real: Pixels) -> Masks | None:
    """Where a forgery (S, S, 3) differs from the original of the same frame, (S, S).

    None if they do not show the same frame (their borders differ), or nothing or nearly all of it
    was changed.
    """
    sharp = cv2.absdiff(fake, real).mean(2).astype(np.float32)
    apart = np.asarray(cv2.GaussianBlur(sharp, (0, 0), len(fake) / 48))
    edge = len(fake) // 12
    border = np.ones(apart.shape, bool)
    border[edge:-edge, edge:-edge] = False
    noise = float(np.median(apart[border]))
    least, times = CHANGED
    mask = apart > max(least, times * noise)
    return mask if noise <= least and 0.01 < mask.mean() < 0.75 else None


def face_maps(count: int, margin: float) -> Maps:
    """Maps (N, 48, 48) that are high in the middle of every crop, where faces are.

    ``margin`` is the side of the crop in sizes of the face. They know no face and no detector: a
    map that is no better has found the face and not the forgery.
    """
    y, x = (np.mgrid[:48, :48] + 0.5) / 48 * 2 - 1
    far = np.hypot(x * margin / 0.75, y * margin).astype(np.float32)
    return np.repeat(np.exp(-(far**2))[None], count, axis=0)


BASELINES: Final[dict[str, Callable[[int, float], Maps]]] = {
    "random": lambda n, _: np.random.default_rng(0).random((n, 12, 12), dtype=np.float32),
    "face-shaped": face_maps,
}
"""What every method must beat: maps of so many faces, cut with this margin."""
