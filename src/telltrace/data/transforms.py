"""From a face crop to the tensor that a network reads: the one path, in training and out of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..faces.align import FaceCrop
from .ba_augmentations import ba_augment

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """Everything between a picture and a network's input; it travels in the checkpoint.

    Args:
        crop: How a face is cut out of its picture.
        image_size: Side of the network's input, in pixels.
        mean: Per channel, RGB, of pixels in [0, 1].
        std: Likewise.

    Raises:
        ValueError: If a size is not positive, or mean and std are not three numbers each.

    Examples:
        >>> Preprocessing(image_size=64).tensor(np.zeros((2, 64, 64, 3), np.uint8)).shape
        torch.Size([2, 3, 64, 64])
    """

    crop: FaceCrop = field(default_factory=FaceCrop)
    image_size: int = 256
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __post_init__(self) -> None:
        if self.image_size < 1:
            raise ValueError(f"image_size must be at least 1 pixel, got {self.image_size}.")
        for name in ("mean", "std"):
            values = tuple(float(v) for v in getattr(self, name))
            if len(values) != 3 or not np.isfinite(values).all():
                raise ValueError(f"{name} must be three numbers (red, green, blue), got {values}.")
            object.__setattr__(self, name, values)
        if min(self.std) <= 0:
            raise ValueError(f"std must be positive, got {self.std}.")

    def resize(self, image: Image) -> Image:
        """Bring one crop to the network's size, averaging pixels where it shrinks.

        Shape:
            - Input: :math:`(S, S, 3)`, uint8
            - Output: :math:`(image_size, image_size, 3)`, uint8
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f"Expected uint8 (S, S, 3), got {image.dtype} {image.shape}.")
        size = self.image_size
        if image.shape[:2] == (size, size):
            return image
        how = cv2.INTER_AREA if min(image.shape[:2]) > size else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, (size, size), interpolation=how), dtype=np.uint8)

    def tensor(self, images: Image | Tensor) -> Tensor:
        """Normalise a batch, on the device that it lies on.

        Shape:
            - Input: :math:`(B, H, W, 3)`, uint8, RGB
            - Output: :math:`(B, 3, H, W)`, float32
        """
        batch = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
        if batch.ndim != 4 or batch.shape[3] != 3 or batch.dtype != torch.uint8:
            raise ValueError(f"Expected uint8 (B, H, W, 3), got {batch.dtype} {[*batch.shape]}.")
        mean = torch.tensor(self.mean, device=batch.device) * 255
        std = torch.tensor(self.std, device=batch.device) * 255
        return ((batch.float() - mean) / std).permute(0, 3, 1, 2).contiguous()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "crop": self.crop.to_dict(),
            "image_size": self.image_size,
            "mean": list(self.mean),
            "std": list(self.std),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocessing":
        """The inverse of ``to_dict``."""
        crop = FaceCrop.from_dict(values["crop"])
        return cls(crop, values["image_size"], tuple(values["mean"]), tuple(values["std"]))


def generator(seed: int, epoch: int, index: int) -> np.random.Generator:
    """Random numbers that depend on these three numbers and on nothing else."""
    return np.random.default_rng(np.random.SeedSequence([seed, epoch, index]))


def augment(image: Image, seed: int, epoch: int, index: int, recipe: str = "sficonv") -> Image:
    """Vary a training crop; the same three numbers always give the same variation.

    "none" changes nothing. "sficonv" is the published recipe of SFIConv: a flip half of the time,
    a rotation within 10 degrees, and half of the time a perspective of scale 0.5 (torchvision's
    defaults, which the release uses), black outside; the three are one warp here, so the picture
    is interpolated once and not three times. "robust" imitates what happens to pictures on their
    way: small geometry, light, rescaling, blur, noise and JPEG 40 to 100.

    Args:
        image: One crop, already at the network's size.
        seed: Of the run.
        epoch: From 0.
        index: Position within the epoch.
        recipe: A name out of ``RECIPES``.

    Shape:
        - Input and output: :math:`(H, W, 3)`, uint8

    Raises:
        ValueError: If the recipe is unknown.

    References:
        Guo et al., "Space-Frequency Interactive Convolution for Deepfake Detection", TIFS 2023.

    Examples:
        >>> face = np.full((32, 32, 3), 128, np.uint8)
        >>> a, b = (augment(face, seed=7, epoch=0, index=i) for i in (3, 3))
        >>> bool((a == b).all())
        True
    """
    if recipe not in RECIPES:
        raise ValueError(f"Unknown recipe {recipe!r}; choose one of {', '.join(RECIPES)}.")
    return RECIPES[recipe](image, generator(seed, epoch, index))


def _none(image: Image, rng: np.random.Generator) -> Image:
    return image


def _sficonv(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    matrix = np.eye(3)
    if rng.random() < 0.5:
        matrix = flip_matrix(width)
    matrix = similarity_matrix(width, height, degrees=rng.uniform(-10, 10)) @ matrix
    if rng.random() < 0.5:
        matrix = perspective_matrix(width, height, 0.25 * rng.random((4, 2))) @ matrix
    return warp(image, matrix, cv2.BORDER_CONSTANT)


def _robust(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    flip = flip_matrix(width) if rng.random() < 0.5 else np.eye(3)
    if rng.random() < 0.5:
        matrix = similarity_matrix(
            width,
            height,
            degrees=rng.uniform(-10, 10),
            scale=rng.uniform(0.9, 1.1),
            shift=(rng.uniform(-0.05, 0.05) * width, rng.uniform(-0.05, 0.05) * height),
        )
        image = warp(image, matrix @ flip, cv2.BORDER_REFLECT_101)
    elif flip[0, 0] < 0:
        image = np.ascontiguousarray(image[:, ::-1])
    for step, probability in ROBUST_STEPS:
        if rng.random() < probability:
            image = step(image, rng)
    return image


def flip_matrix(width: int) -> Matrix:
    """Mirror left and right, as a (3, 3) map of pixel coordinates."""
    return np.array([[-1, 0, width - 1], [0, 1, 0], [0, 0, 1]], dtype=np.float64)


def similarity_matrix(
    width: int,
    height: int,
    degrees: float = 0.0,
    scale: float = 1.0,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Matrix:
    """Turn counter-clockwise and scale about the centre, then shift by pixels, as (3, 3)."""
    centre = ((width - 1) / 2, (height - 1) / 2)
    matrix = np.eye(3)
    matrix[:2] = cv2.getRotationMatrix2D(centre, degrees, scale)
    matrix[:2, 2] += shift
    return matrix


def perspective_matrix(width: int, height: int, inward: NDArray[np.float64]) -> Matrix:
    """Move the four corners inward by fractions (4, 2) of width and height, as (3, 3)."""
    size = np.array([width - 1, height - 1])
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * size
    moved = corners + inward * [width, height] * np.where(corners > 0, -1, 1)
    start, end = corners.astype(np.float32), moved.astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(start, end), dtype=np.float64)


def warp(image: Image, matrix: Matrix, border: int) -> Image:
    """Move every pixel by a (3, 3) map of pixel coordinates, bilinearly, same size out."""
    size = image.shape[1], image.shape[0]
    if np.allclose(matrix[2], (0, 0, 1)):
        warped = cv2.warpAffine(image, matrix[:2], size, flags=cv2.INTER_LINEAR, borderMode=border)
    else:
        warped = cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(warped, dtype=np.uint8)


def jpeg(image: Image, quality: int) -> Image:
    """What a JPEG file of this quality would give back."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def _light(image: Image, rng: np.random.Generator) -> Image:
    """Saturation, then brightness, contrast and gamma per channel through one table."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    colour = rng.uniform(0.6, 1.4)
    image = np.asarray(cv2.addWeighted(image, colour, grey, 1 - colour, 0), dtype=np.uint8)
    gamma = rng.uniform(0.75, 1.33) * rng.uniform(0.95, 1.05, 3)
    ramp = np.linspace(0, 1, 256)[:, None] ** gamma
    ramp = (ramp - 0.5) * rng.uniform(0.75, 1.25) + 0.5 + rng.uniform(-0.12, 0.12)
    table = np.clip(np.rint(ramp * 255), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[None]), dtype=np.uint8)


def _rescale(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    factor = rng.uniform(0.3, 1.0)
    small = max(8, round(width * factor)), max(8, round(height * factor))
    down = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(3)]
    up = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(2)]
    shrunk = cv2.resize(image, small, interpolation=down)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=up), dtype=np.uint8)


def _blur(image: Image, rng: np.random.Generator) -> Image:
    sigma = rng.uniform(0.3, 1.8)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), dtype=np.uint8)


def _noise(image: Image, rng: np.random.Generator) -> Image:
    """Gaussian noise by table: one random byte a value is far cheaper than one normal number."""
    table = np.rint(NORMAL_QUANTILES * rng.uniform(1.0, 8.0)).astype(np.int16)
    random = np.frombuffer(rng.bytes(image.size), dtype=np.uint8).reshape(image.shape)
    noise = cv2.LUT(random, table[None])
    return np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), dtype=np.uint8)


def _jpeg(image: Image, rng: np.random.Generator) -> Image:
    return jpeg(image, int(rng.integers(40, 101)))


Recipe = Callable[[Image, np.random.Generator], Image]
NORMAL_QUANTILES: Final = np.array([NormalDist().inv_cdf((i + 0.5) / 256) for i in range(256)])
ROBUST_STEPS: Final[tuple[tuple[Recipe, float], ...]] = (
    (_light, 0.5),
    (_rescale, 0.25),
    (_blur, 0.2),
    (_noise, 0.2),
    (_jpeg, 0.6),
)
"""What may happen to a picture after its geometry, in this order, each with its probability."""
RECIPES: Final[dict[str, Recipe]] = {
    "none": _none,
    "sficonv": _sficonv,
    "ba": ba_augment,
    "robust": _robust,
}
