"""From a face in a picture to the square crop that a detector sees."""

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import OptionError
from . import Alignment
from .rectangles import RULES, rectangle

if TYPE_CHECKING:  # this file needs no torch
    from .detect import Face

TEMPLATE = np.array(
    [
        [0.34191607, 0.46157411],
        [0.65653393, 0.45983393],
        [0.50022500, 0.64050536],
        [0.37097589, 0.82469196],
        [0.63151696, 0.82325089],
    ]
)
"""(5, 2) eyes, nose and mouth corners in the unit square, in the order of `Face.landmarks`."""

FRONTAL = np.array([[0.34, 0.46], [0.66, 0.46], [0.5, 0.64], [0.37, 0.82], [0.63, 0.82]])
"""The same points of a face that is turned to neither side: GenD's template."""

ALIGNED = ("similarity", "median", "dfb")
"""Alignments by landmarks."""
UPRIGHT = ("box", *(rule for rule in RULES if rule != "ispl"))
"""Alignments that cut crops which are upright, and wide enough, again. ISPL's black border depends
on the size of the face in its picture, which a crop does not keep."""
LARGEST = 8192
"""Pixels of a crop's side; OpenCV warps to no more than 32,767."""
Square = tuple[int, int, int]
"""Left, top and side, in pixels."""


@dataclass(frozen=True)
class FaceCrop:
    """How a face is cut out. It travels with the checkpoint: training and scanning must agree.

    A value out of range is an OptionError.

    Args:
        size: Side of the crop, in pixels.
        margin: Side of the square in sizes of the face: 1 ends at the longer side of its box.
        alignment: ``"box"`` cuts an upright square around the centre of the box.
            ``"similarity"`` turns, scales and moves the five landmarks onto a template, the
            same in every crop (the template's square is taken for a face of size 1). ``"median"``
            does so too, as GenD does: onto its template, and a landmark that fits badly does not
            count (least median of squares). ``"dfb"`` is ``"similarity"`` as DeepfakeBench cuts:
            bilinear whatever the scale, black outside the picture. ``"whole"``
            resizes the picture, which is a face already, whatever its margin and shape. ``"sbi"``,
            ``"dfdc"`` and ``"ispl"`` cut and resize upright rectangles as published detectors do
            (:data:`~telltrace.faces.rectangles.RULES`), with margins of their own.
        outside: What happens to an upright square that reaches beyond the picture. ``"shift"``
            moves it inside, and makes it as small as the picture if need be: no pixel is
            invented. ``"repeat"`` continues the edge pixels, as an aligned crop always does.
    """

    size: int = 256
    margin: float = 1.3
    alignment: Alignment = "box"
    outside: Literal["shift", "repeat"] = "shift"

    def __post_init__(self) -> None:
        kinds = get_args(Alignment)
        if self.alignment in RULES:
            object.__setattr__(self, "margin", RULES[self.alignment].margin)
        rules = {
            "size": (1 <= self.size <= LARGEST, f"1 to {LARGEST} pixels"),
            "margin": (0.5 <= self.margin <= 4, "between 0.5 and 4"),
            "alignment": (self.alignment in kinds, "one of " + ", ".join(kinds)),
            "outside": (self.outside in ("shift", "repeat"), "shift or repeat"),
        }
        for name, (is_met, rule) in rules.items():
            if not is_met:
                raise OptionError(f"{name} must be {rule}, got {getattr(self, name)!r}.")

    def cut(self, image: NDArray[np.uint8], face: "Face") -> NDArray[np.uint8]:
        """The crop of one face, (size, size, 3), out of the picture (H, W, 3) that it was found in.

        An empty box, or landmarks that coincide, are an OptionError.
        """
        if self.alignment == "whole":
            return resize_square(image, self.size)
        if self.alignment in ALIGNED:
            plain = self.alignment == "dfb"
            return _warp(image, self._onto_template(face), self.size, plain=plain)
        if self.alignment in RULES:
            left, top, right, bottom = rectangle(self.alignment, face.box, image.shape[:2])
            return RULES[self.alignment].fit(image[top:bottom, left:right], self.size)
        return resize_square(_square(image, *self.square(face, image.shape[:2])), self.size)

    def square(self, face: "Face", shape: tuple[int, int]) -> Square:
        """Left, top and side, in pixels, of the square cut from a picture (height, width).

        A box that is empty or not finite is an OptionError.
        """
        left, top, right, bottom = face.box
        side = self.margin * max(right - left, bottom - top)
        if not (np.isfinite(face.box).all() and side > 0):
            raise OptionError(f"A box needs left < right and top < bottom, got {face.box}.")
        side = max(1, round(side))
        if self.outside == "shift":
            side = min(side, *shape)
        x, y = round((left + right - side) / 2), round((top + bottom - side) / 2)
        if self.outside == "shift":
            x, y = min(max(x, 0), shape[1] - side), min(max(y, 0), shape[0] - side)
        return x, y, side

    def corners(self, face: "Face", shape: tuple[int, int]) -> NDArray[np.float64]:
        """Where the corners of the crop lie in the picture (height, width): (4, 2), in pixels.

        From the left top corner with the clock; some may lie outside. Errors are those of `cut`.
        """
        unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
        if self.alignment in ALIGNED:
            matrix = self._onto_template(face)
            inverse = np.linalg.inv(matrix[:, :2])
            return np.asarray((unit * self.size - matrix[:, 2]) @ inverse.T, dtype=np.float64)
        if self.alignment == "whole":
            return unit * (shape[1], shape[0]) * 1.0
        if self.alignment in RULES:
            left, top, right, bottom = rectangle(self.alignment, face.box, shape)
            wide = RULES[self.alignment].canvas(right - left, bottom - top, self.size)
            return (left + right, top + bottom) * np.array(0.5) + (unit - 0.5) * wide
        left, top, side = self.square(face, shape)
        return (left, top) + unit * float(side)

    def place(
        self, points: ArrayLike, face: "Face", square: Square | None = None
    ) -> NDArray[np.float64]:
        """Where points of the picture, (N, 2) in pixels, lie in the crop of a face.

        ``square`` is what `square` gave; None for a crop well inside its picture.
        """
        if self.alignment in ALIGNED:
            matrix = self._onto_template(face)
            return np.asarray(points) @ matrix[:, :2].T + matrix[:, 2]
        x, y, side = square or replace(self, outside="repeat").square(face, (0, 0))
        return (np.asarray(points, dtype=np.float64) - (x, y)) * (self.size / side)

    def _onto_template(self, face: "Face") -> NDArray[np.float64]:
        fit, template = similarity, TEMPLATE
        if self.alignment == "median":
            fit, template = median_similarity, FRONTAL
        targets = ((template - 0.5) / self.margin + 0.5) * self.size
        if self.alignment == "dfb":
            targets += 0.5  # its template is counted from the centre of the first pixel
        return fit(face.landmarks, targets)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "FaceCrop":
        """Read back what JSON made of it; crops from before ``outside`` repeated edges."""
        return cls(**{"outside": "repeat", **values})


def similarity(points: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
    """The turn, scaling and shift that bring points (N, 2) nearest to targets in least squares.

    It is a matrix (2, 3) for column vectors (x, y, 1), and mirrors nothing. With points as complex
    numbers the turn and scaling are one factor, which least squares gives in closed form. Points
    that coincide or are not finite are an OptionError.

    References:
        Umeyama, "Least-squares estimation of transformation parameters between two point
        patterns", IEEE TPAMI 1991, equations 40 to 42, in the plane and with det(R) = 1.
    """
    p, q = (np.asarray(x, dtype=np.float64) @ (1, 1j) for x in (points, targets))
    spread = np.sum(np.abs(p - p.mean()) ** 2)
    if not (np.isfinite(spread) and spread > 0):
        raise OptionError(f"Landmarks must be finite and apart from each other, got {points!r}.")
    f = np.sum((q - q.mean()) * np.conj(p - p.mean())) / spread
    shift = q.mean() - f * p.mean()
    return np.array([[f.real, -f.imag, shift.real], [f.imag, f.real, shift.imag]])


def median_similarity(points: ArrayLike, targets: ArrayLike) -> NDArray[np.float64]:
    """:func:`similarity` of the points that agree best: the median of their squares is least.

    Points that coincide or are not finite are an OptionError.

    References:
        Rousseeuw, "Least Median of Squares Regression", JASA 1984, in OpenCV's form.
    """
    of_all = similarity(points, targets)  # refuses what has no answer
    p, q = (np.asarray(x, dtype=np.float64) for x in (points, targets))
    found = cv2.estimateAffinePartial2D(p, q, method=cv2.LMEDS)[0]
    return of_all if found is None else np.asarray(found, dtype=np.float64)


def _square(image: NDArray[np.uint8], left: int, top: int, side: int) -> NDArray[np.uint8]:
    """A square of whole pixels; the picture's edge continues outside it."""
    (height, width), bottom, right = image.shape[:2], top + side, left + side
    if min(left, top) >= 0 and bottom <= height and right <= width:
        return image[top:bottom, left:right]
    y, bottom = (min(max(edge, 0), height - 1) for edge in (top, bottom - 1))
    x, right = (min(max(edge, 0), width - 1) for edge in (left, right - 1))
    inner = image[y : bottom + 1, x : right + 1]
    low, wide = side - inner.shape[0], side - inner.shape[1]
    above, before = min(max(-top, 0), low), min(max(-left, 0), wide)
    edges = above, low - above, before, wide - before
    return np.asarray(cv2.copyMakeBorder(inner, *edges, cv2.BORDER_REPLICATE), np.uint8)


def resize_square(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Average down or interpolate up to a square; one of the right size is left as it is."""
    if picture.shape[:2] == (size, size):
        return picture.copy()
    method = cv2.INTER_AREA if min(picture.shape[:2]) >= size else cv2.INTER_CUBIC
    return cv2.resize(picture, (size, size), interpolation=method).astype(np.uint8, copy=False)


def _warp(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], size: int, *, plain: bool = False
) -> NDArray[np.uint8]:
    """Warp at a whole multiple of the size where the map shrinks, then average: no aliasing.

    A ``plain`` warp takes the pixels as they come, and black outside the picture.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    finer = 1 if plain else min(8, max(1, int(np.ceil(1 / scale))))
    matrix, shape = matrix * finer, (size * finer, size * finer)
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5  # OpenCV counts from pixel centres
    how = cv2.INTER_LINEAR if plain or finer > 1 else cv2.INTER_CUBIC
    edge = cv2.BORDER_CONSTANT if plain else cv2.BORDER_REPLICATE
    warped = cv2.warpAffine(image, matrix, shape, flags=how, borderMode=edge)
    return resize_square(warped.astype(np.uint8, copy=False), size)
