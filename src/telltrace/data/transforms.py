"""From a face crop to the tensor that a network reads: the one path, in training and out of it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..errors import OptionError, check_positive
from ..faces.align import FaceCrop
from ..faces.rectangles import RULES
from ..pixels import Image

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Preprocessing:
    """Everything between a picture and a network's input; it travels in the checkpoint.

    Args:
        crop: How a face is cut out of its picture.
        image_size: Side of the network's input, in pixels.
        mean: Per channel, RGB, of pixels in [0, 1]; by default ImageNet's.
        std: Likewise; a value that cannot be used is an OptionError.
    """

    crop: FaceCrop = field(default_factory=FaceCrop)
    image_size: int = 256
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def __post_init__(self) -> None:
        check_positive(image_size=self.image_size)
        for name in ("mean", "std"):
            values = tuple(float(v) for v in getattr(self, name))
            if len(values) != 3 or not np.isfinite(values).all():
                raise OptionError(f"{name} must be three numbers (red, green, blue), got {values}.")
            object.__setattr__(self, name, values)
        if min(self.std) <= 0:
            raise OptionError(f"std must be positive, got {self.std}.")

    def resize(self, image: Image) -> Image:
        """Bring a crop (S, S, 3) uint8 to the network's size, averaging pixels where it shrinks.

        A crop with a published rule is brought there by it, be it a square or not.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise OptionError(f"Expected uint8 (S, S, 3), got {image.dtype} {image.shape}.")
        size = self.image_size
        if image.shape[:2] == (size, size):
            return image
        if self.crop.alignment in RULES:
            return RULES[self.crop.alignment].fit(image, size)
        how = cv2.INTER_AREA if min(image.shape[:2]) > size else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(image, (size, size), interpolation=how), dtype=np.uint8)

    def tensor(self, images: "Image | Tensor") -> "Tensor":
        """Normalise (B, H, W, 3) uint8 RGB, on its device, to (B, 3, H, W) float32."""
        import torch

        batch = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
        if batch.ndim != 4 or batch.shape[3] != 3 or batch.dtype != torch.uint8:
            raise OptionError(f"Expected uint8 (B, H, W, 3), got {batch.dtype} {[*batch.shape]}.")
        mean = torch.tensor(self.mean, device=batch.device) * 255
        std = torch.tensor(self.std, device=batch.device) * 255
        return ((batch.float() - mean) / std).permute(0, 3, 1, 2).contiguous()
