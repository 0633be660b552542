"""Faces and their landmarks in pictures: MTCNN, batched over pictures of equal size."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..backends import (
    Backend,
    BackendName,
    Runner,
    choose_backend,
    prepared_runner,
    torch_runner,
)
from ..errors import DependencyError, OptionError, OutputError
from .boxes import (
    Floats,
    Pixels,
    Sums,
    Whole,
    cut_patches,
    integral_images,
    moved,
    shrink,
    square,
    suppress,
    suppress_nested,
)

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""

CELL = 12
"""Side of the window that P-Net looks through, in pixels."""
SMALLEST = 20
"""Smallest face that is looked for, in pixels of the copy that is searched."""
FACTOR = 0.709
"""Ratio of each level of the pyramid of pictures to the one before."""
THRESHOLDS = (0.6, 0.7, 0.7)
"""Probability that a window needs to pass P-Net, R-Net and O-Net."""
BATCH = 32
"""Pictures that are searched at once; bounds the memory."""
FORM = 1
"""Changes whenever the networks' ONNX form does."""
FEW = 4
"""Pictures of which P-Net sees a level at once, so that caches hold it."""
SEVERAL = 256
"""Windows that R-Net and O-Net see at once."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face that was found, in pixels of the picture that was given."""

    box: Box
    """Left, top, right, bottom; may reach a little beyond the picture."""
    landmarks: NDArray[np.float32]
    """(5, 2) as (x, y): left eye, right eye, nose, left and right mouth corner, as seen."""
    confidence: float
    """Probability that it is a face, from O-Net."""


class FaceDetector:
    """Multi-task cascade: propose windows at all sizes, refine them, find landmarks in the rest.

    Pictures with a longer side than ``long_side``, in pixels, are searched in a copy shrunk to it.

    References:
        Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional
        Networks", IEEE Signal Processing Letters 2016, section II.
    """

    def __init__(self, pnet: Runner, rnet: Runner, onet: Runner, long_side: int = 640) -> None:
        self.pnet, self.rnet, self.onet, self.long_side = pnet, rnet, onet, long_side

    def detect(
        self, images: Sequence[Pixels], windows: Sequence[Sequence[Box]] | None = None
    ) -> list[list[Face]]:
        """Find the faces of each picture, the largest and surest first (confidence x area).

        Pictures are (H, W, 3) RGB of 8 bits; those of equal size are searched together. Where it
        is known about where their faces must be, R-Net and O-Net alone find these in ``windows``
        of each picture at a tenth of the cost; a window may be off by a third of the face. An array
        that is no such picture, and windows of other pictures, are an OptionError.
        """
        if windows is not None and len(images) != len(windows):
            raise OptionError(f"{len(images)} pictures came with windows of {len(windows)}.")
        found: list[list[Face]] = [[] for _ in images]
        groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for number, image in enumerate(images):
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
                kind = f"got {image.dtype} {image.shape}"
                raise OptionError(f"Picture {number} must be uint8 (H, W, 3), {kind}.")
            groups[image.shape].append(number)
        for numbers in groups.values():
            for start in range(0, len(numbers), BATCH):
                batch = numbers[start : start + BATCH]
                some = None if windows is None else [windows[i] for i in batch]
                faces = self._search_batch([images[i] for i in batch], some)
                for number, theirs in zip(batch, faces, strict=True):
                    found[number] = theirs
        return found

    def _search_batch(
        self, images: Sequence[Pixels], windows: Sequence[Sequence[Box]] | None
    ) -> list[list[Face]]:
        """The faces of pictures of one size, each in coordinates of the original."""
        small = [shrunk(image, self.long_side) for image in images]
        (height, width), (rows, columns) = images[0].shape[:2], small[0].shape[:2]
        back = np.array([width / columns, height / rows] * 2, np.float32)
        sums = integral_images(small)
        if windows is None:
            squares, owner = self._propose(sums)
        else:
            given = np.array([box for boxes in windows for box in boxes], np.float32)
            squares = square(given.reshape(-1, 4) / back)
            owner = np.repeat(np.arange(len(windows)), [len(boxes) for boxes in windows])
        boxes, landmarks, confidences, owner = self._refine(sums, squares, owner)
        boxes, landmarks = boxes * back, landmarks * back[:2]
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        faces: list[list[Face]] = [[] for _ in images]
        for i in np.argsort(-confidences * areas, kind="stable"):
            left, top, right, bottom = boxes[i].tolist()
            face = Face((left, top, right, bottom), landmarks[i], float(confidences[i]))
            faces[owner[i]].append(face)
        return faces

    def _propose(self, sums: Sums) -> tuple[Floats, Whole]:
        """P-Net on a pyramid: square windows (N, 4) and the picture each is in (N,)."""
        scales = _scales(sums.shape[1] - 1, sums.shape[2] - 1)
        levels = [
            self._level(sums[first : first + FEW], scale, first)
            for first in range(0, len(sums), FEW)
            for scale in scales
        ]
        if not levels:
            return np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
        boxes, scores, owner, shifts = (
            np.concatenate(parts) for parts in zip(*levels, strict=True)
        )
        keep = suppress(boxes, scores, owner, 0.7)
        boxes, owner, shifts = boxes[keep], owner[keep], shifts[keep]
        return square(boxes + shifts * np.tile(boxes[:, 2:] - boxes[:, :2], 2)), owner

    def _level(self, sums: Sums, scale: float, first: int) -> tuple[Floats, Floats, Whole, Floats]:
        """The windows of one level of the pyramid that P-Net lets pass, thinned out."""
        height, width = sums.shape[1] - 1, sums.shape[2] - 1
        level = shrink(sums, int(height * scale + 1), int(width * scale + 1))
        scores, shifts = self.pnet(level)
        owner, row, column = np.nonzero(scores >= THRESHOLDS[0])
        corner = 2 * np.stack([column, row], axis=1) + 1
        boxes = np.hstack([corner, corner + CELL - 1]).astype(np.float32)
        boxes = np.floor(boxes / np.float32(scale))
        scores, shifts = scores[owner, row, column], shifts[owner, :, row, column]
        keep = suppress(boxes, scores, owner, 0.5)
        return boxes[keep], scores[keep], owner[keep] + first, shifts[keep]

    def _refine(
        self, sums: Sums, squares: Floats, owner: Whole
    ) -> tuple[Floats, Floats, Floats, Whole]:
        """R-Net and O-Net in windows: boxes, landmarks (N, 5, 2), confidences and pictures."""
        boxes, owner, scores, shifts = _classify(self.rnet, sums, squares, owner, 24, THRESHOLDS[1])
        keep = suppress(boxes, scores, owner, 0.7)
        squares, owner = square(moved(boxes[keep], shifts[keep])), owner[keep]
        boxes, owner, scores, shifts, points = _classify(
            self.onet, sums, squares, owner, 48, THRESHOLDS[2]
        )
        sides = boxes[:, None, 2:] - boxes[:, None, :2] + 1
        landmarks = points.reshape(-1, 2, 5).swapaxes(1, 2) * sides + boxes[:, None, :2] - 1
        boxes = moved(boxes, shifts)
        keep = suppress_nested(boxes, scores, owner, 0.7)
        return boxes[keep], landmarks[keep], scores[keep], owner[keep]


def create_face_detector(device: str = "cpu", backend: Backend = "auto") -> FaceDetector:
    """A `FaceDetector` with the published weights, ready to use; see `load_published`.

    On a processor the networks are computed by the backend, as `load_detector` says. OpenVINO
    compiles P-Net for every size of picture, and remembers those that it has met.
    """
    chosen = "torch" if device != "cpu" and backend == "auto" else choose_backend(backend)
    if chosen != "torch" and device != "cpu":
        raise OptionError(f"The backend {chosen} computes on the processor, not on {device}.")
    try:
        pnet, rnet, onet = (_runner(name, chosen, device) for name in ("pnet", "rnet", "onet"))
    except (OutputError, DependencyError):  # the ONNX form has nowhere to be kept, or no maker
        if backend != "auto":
            raise
        return create_face_detector(device, "torch")
    return FaceDetector(pnet, rnet, onet)


def _runner(name: str, backend: BackendName, device: str) -> Runner:
    """A published network, ready to compute; torch is imported only if it is needed."""
    if backend != "torch":
        return prepared_runner(*_graph(name), backend, varying=True)
    from .networks import published_network

    return torch_runner(published_network(name).to(device), device)


def _graph(name: str) -> tuple[str, Callable[[], bytes]]:
    """The name of a network's ONNX form in the cache, and what makes it."""

    def make() -> bytes:
        from .networks import graph

        return graph(name)

    return f"mtcnn-{name}-{FORM}.onnx", make


def shrunk(image: Pixels, long_side: int) -> Pixels:
    """The picture (H, W, 3), or a copy whose longer side has so many pixels if that is less."""
    height, width = image.shape[:2]
    if max(height, width) <= long_side:
        return image
    scale = long_side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _scales(height: int, width: int) -> list[float]:
    """From the one that shrinks the smallest face to a cell, until the picture is a cell."""
    scale, scales = CELL / SMALLEST, []
    while min(height, width) * scale >= CELL:
        scales.append(scale)
        scale *= FACTOR
    return scales


def _classify(
    network: Runner, sums: Sums, boxes: Floats, owner: Whole, size: int, threshold: float
) -> list[Any]:
    """Boxes that a network takes for faces, their pictures and what else it says of them."""
    parts = []
    for start in range(0, max(len(boxes), 1), SEVERAL):
        some = slice(start, start + SEVERAL)
        kept, theirs, patches = cut_patches(sums, boxes[some], owner[some], size)
        said = network(_filled(patches) if network.backend == "openvino" else patches)
        parts.append((kept, theirs, *(array[: len(kept)] for array in said)))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    passed = columns[2] > threshold
    return [column[passed] for column in columns]


def _filled(patches: Floats) -> Floats:
    """Patches and as many empty ones as make a power of two: OpenVINO compiles for each number."""
    size = max(4, 1 << (len(patches) - 1).bit_length())
    return np.concatenate(
        [patches, np.zeros((size - len(patches), *patches.shape[1:]), np.float32)]
    )
