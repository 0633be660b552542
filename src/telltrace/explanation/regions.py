"""Maps of faces, and which parts of a face carry one: eyes, nose, mouth, cheeks, the border."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from telltrace.data.blending_masks import REGIONS as HULLS
from telltrace.data.blending_masks import place

Maps = NDArray[np.float32]

BORDER: Final = 0.22
"""Half the width of the border of the face, in distances of the eyes."""
CHEEKS: Final = np.array([(-1.5, 0.15), (1.5, 0.15), (1.5, 1.15), (-1.5, 1.15)], np.float32)
"""Between the eyes and the chin; what is nose, mouth or border there is no cheek."""
REGIONS: Final = ("eyes", "nose", "mouth", "cheeks", "forehead and chin", "border", "surroundings")
"""Each place of a crop belongs to one."""
PLACES: Final = {
    "border": "the border of the face",
    "surroundings": "what surrounds the face",
    "forehead and chin": "forehead and chin",
}
MORE: Final = 1.25
"""A region is named that holds so many times the share that its size would give it."""


class Share(NamedTuple):
    """How much of a map, and of the picture, lies in a region."""

    evidence: float
    area: float


def resized(found: Maps, shape: tuple[int, ...]) -> Maps:
    """A map at another size (H, W): interpolated, so that no place is higher than it was."""
    height, width = shape
    return np.asarray(cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR))


def region_masks(landmarks: ArrayLike, size: int) -> dict[str, NDArray[np.bool_]]:
    """The `REGIONS` of a crop of ``size`` pixels a side, (size, size) each, by five landmarks.

    ``landmarks`` are eyes, nose and mouth corners, (5, 2) in pixels of the crop.
    """
    points = np.asarray(landmarks, np.float32)
    face = _hull(HULLS["face"], points, size)
    unit = float(np.linalg.norm(points[1] - points[0]))
    reach = 2 * max(1, round(BORDER * unit)) + 1
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    outer, inner = cv2.dilate(face, brush), cv2.erode(face, brush)
    wanted = [_hull(HULLS[name], points, size) for name in ("eyes", "nose", "mouth")]
    cheeks = np.minimum(_hull(CHEEKS, points, size), inner)
    wanted += [np.asarray(mask, np.uint8) for mask in (cheeks, inner, outer, np.ones_like(face))]
    left, masks = np.ones(face.shape, bool), {}
    for name, mask in zip(REGIONS, wanted, strict=True):
        masks[name] = left & (mask > 0)
        left &= mask == 0
    return masks


def _hull(
    shape: NDArray[np.float32], landmarks: NDArray[np.float32], size: int
) -> NDArray[np.uint8]:
    mask = np.zeros((size, size), np.uint8)
    corners = cv2.convexHull(place(shape, landmarks))
    cv2.fillConvexPoly(mask, np.rint(corners * 16).astype(np.int32), 1, shift=4)
    return mask


def region_shares(found: Maps, landmarks: ArrayLike, size: int) -> dict[str, Share]:
    """How a map (h, w) of a crop of ``size`` pixels is spread over the regions; shares sum to 1.

    A map that is 0 everywhere is evidence nowhere: all its shares are 0.
    """
    values = resized(found, (size, size)).astype(np.float64)
    total = values.sum()
    masks = region_masks(landmarks, size)
    return {
        name: Share(float(values[mask].sum() / total) if total > 0 else 0.0, float(mask.mean()))
        for name, mask in masks.items()
    }


def mean_shares(each: Sequence[Mapping[str, Share]]) -> dict[str, Share]:
    """The mean over the looks at one person; {} without any."""
    if not each:
        return {}
    means = {name: np.mean([one[name] for one in each], axis=0).tolist() for name in REGIONS}
    return {name: Share(*pair) for name, pair in means.items()}


def shares_in_words(shares: Mapping[str, Share]) -> str:
    """One sentence about the two regions that hold most, beyond what their size gives them."""
    high = [
        (share.evidence, share.area, name)
        for name, share in shares.items()
        if share.evidence > 0 and share.evidence >= MORE * share.area
    ]
    if not high:
        return "The map singles out no part of the face."
    first, *second = [
        (f"{evidence:.0%}", f"on {PLACES.get(name, f'the {name}')} ({area:.0%} of the picture)")
        for evidence, area, name in sorted(high, reverse=True)[:2]
    ]
    also = "".join(f", and {share} {place}" for share, place in second)
    return f"{first[0]} of the map lies {first[1]}{also}."
