"""Faces and their landmarks in pictures: MTCNN, batched over pictures of equal size."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.ops import batched_nms

from ..errors import OptionError
from .boxes import cut_patches, integral_images, moved, square, suppress_nested
from .networks import ProposalNet, load_published, output_net, refinement_net

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


@dataclass(frozen=True, eq=False)
class Face:
    """One face that was found, in pixels of the picture that was given."""

    box: Box
    """Left, top, right, bottom; may reach a little beyond the picture."""
    landmarks: NDArray[np.float32]
    """(5, 2) as (x, y): left eye, right eye, nose, left and right mouth corner, as seen."""
    confidence: float
    """Probability that it is a face, from O-Net."""


class FaceDetector(nn.Module):
    """Multi-task cascade: propose windows at all sizes, refine them, find landmarks in the rest.

    Pictures with a longer side than ``long_side``, in pixels, are searched in a copy shrunk to it.

    References:
        Zhang et al., "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional
        Networks", IEEE Signal Processing Letters 2016, section II.
    """

    def __init__(self, long_side: int = 640) -> None:
        super().__init__()
        self.long_side = long_side
        self.pnet, self.rnet, self.onet = ProposalNet(), refinement_net(), output_net()

    def detect(
        self, images: Sequence[NDArray[np.uint8]], windows: Sequence[Sequence[Box]] | None = None
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

    @torch.inference_mode()
    def forward(
        self, images: Tensor, windows: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The cascade on pictures of one size, at that size.

        Shape:
            - Input: (B, H, W, 3) RGB of 8 bits; square windows (N, 4) and the pictures that they
              are in (N,), without which P-Net proposes some
            - Output: boxes (N, 4), landmarks (N, 5, 2), confidences (N,), pictures (N,)
        """
        windows = windows or self._propose(images)
        sums = integral_images(images)
        boxes, owner, scores, shifts = _classify(self.rnet, sums, *windows, 24, THRESHOLDS[1])
        keep = batched_nms(boxes, scores, owner, 0.7)
        windows = square(moved(boxes[keep], shifts[keep])), owner[keep]
        boxes, owner, scores, shifts, points = _classify(
            self.onet, sums, *windows, 48, THRESHOLDS[2]
        )
        sides = boxes[:, None, 2:] - boxes[:, None, :2] + 1
        landmarks = points.view(-1, 2, 5).transpose(1, 2) * sides + boxes[:, None, :2] - 1
        boxes = moved(boxes, shifts)
        keep = suppress_nested(boxes, scores, owner, 0.7)
        return boxes[keep], landmarks[keep], scores[keep], owner[keep]

    def _search_batch(
        self, images: Sequence[NDArray[np.uint8]], windows: Sequence[Sequence[Box]] | None
    ) -> list[list[Face]]:
        """The faces of pictures of one size, each in coordinates of the original."""
        (height, width), device = images[0].shape[:2], next(self.parameters()).device
        pixels = torch.from_numpy(np.stack([shrunk(x, self.long_side) for x in images])).to(device)
        back = np.array([width / pixels.shape[2], height / pixels.shape[1]], dtype=np.float32)
        proposed = None
        if windows is not None:
            given = np.array([box for boxes in windows for box in boxes], np.float32).reshape(-1, 4)
            owners = np.repeat(np.arange(len(windows)), [len(boxes) for boxes in windows])
            squares = square(torch.from_numpy(given / np.tile(back, 2)))
            proposed = squares.to(device), torch.from_numpy(owners).to(device)
        boxes, landmarks, confidences, owner = (x.cpu().numpy() for x in self(pixels, proposed))
        boxes, landmarks = boxes * np.tile(back, 2), landmarks * back
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        faces: list[list[Face]] = [[] for _ in images]
        for i in np.argsort(-confidences * areas, kind="stable"):
            left, top, right, bottom = boxes[i].tolist()
            face = Face((left, top, right, bottom), landmarks[i], float(confidences[i]))
            faces[owner[i]].append(face)
        return faces

    def _propose(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """P-Net on a pyramid: square windows (N, 4) and the picture each is in (N,)."""
        scales = _scales(*images.shape[1:3])
        few = 4 if images.device.type == "cpu" else len(images)  # so that caches hold a level
        levels = []
        for start, pictures in enumerate(torch.split(images, few)):
            pixels = pictures.permute(0, 3, 1, 2).float().sub_(127.5).mul_(1 / 128)
            levels += [self._level(pixels, scale, start * few) for scale in scales]
        if not levels:
            none = torch.zeros(0, 4, device=images.device)
            return none, none[:, 0].long()
        boxes, scores, owner, shifts = (torch.cat(parts) for parts in zip(*levels, strict=True))
        keep = batched_nms(boxes, scores, owner, 0.7)
        boxes, owner, shifts = boxes[keep], owner[keep], shifts[keep]
        sides = (boxes[:, 2:] - boxes[:, :2]).repeat(1, 2)
        return square(boxes + shifts * sides), owner

    def _level(
        self, pixels: Tensor, scale: float, first: int
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The windows of one level of the pyramid that P-Net lets pass, thinned out."""
        height, width = pixels.shape[-2:]
        size = int(height * scale + 1), int(width * scale + 1)
        level = F.interpolate(pixels, size=size, mode="area")
        scores, shifts = self.pnet(level.to(memory_format=torch.channels_last))
        owner, row, column = torch.nonzero(scores >= THRESHOLDS[0], as_tuple=True)
        corner = 2 * torch.stack([column, row], dim=1) + 1
        boxes = torch.cat([corner, corner + CELL - 1], dim=1).div(scale).floor()
        scores, shifts = scores[owner, row, column], shifts[owner, :, row, column]
        keep = batched_nms(boxes, scores, owner, 0.5)
        return boxes[keep], scores[keep], owner[keep] + first, shifts[keep]


def create_face_detector(device: str | torch.device = "cpu") -> FaceDetector:
    """A `FaceDetector` with the published weights, ready to use; see `load_published`."""
    detector = FaceDetector()
    for name in ("pnet", "rnet", "onet"):
        load_published(getattr(detector, name), name)
    detector.to(memory_format=torch.channels_last)  # twice as fast on a CPU
    return detector.to(device).eval().requires_grad_(False)


def shrunk(image: NDArray[np.uint8], long_side: int) -> NDArray[np.uint8]:
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
    network: nn.Module, sums: Tensor, boxes: Tensor, owner: Tensor, size: int, threshold: float
) -> tuple[Tensor, ...]:
    """Boxes that a network takes for faces, their pictures and what else it says of them."""
    several = 512 if sums.device.type == "cpu" else 16384
    parts = []
    for some, theirs in zip(torch.split(boxes, several), torch.split(owner, several), strict=True):
        some, theirs, patches = cut_patches(sums, some, theirs, size)
        parts.append((some, theirs, *network(patches)))
    columns = [torch.cat(column) for column in zip(*parts, strict=True)]
    passed = columns[2] > threshold
    return tuple(column[passed] for column in columns)
