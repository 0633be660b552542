"""Checks of networks that are made for images of one size."""

from torch import Tensor

from telltrace.errors import OptionError


def require_size(image: Tensor, size: int) -> None:
    """Check that images (..., H, W) have the side, in pixels, that a network was built for.

    Raises:
        OptionError: If they have not; the message says what to do.

    Examples:
        >>> import torch
        >>> require_size(torch.rand(1, 3, 32, 32), 32)
    """
    if tuple(image.shape[-2:]) != (size, size):
        raise OptionError(
            f"Expected images of {(size, size)} pixels, got {tuple(image.shape[-2:])}: resize "
            f"them, or build the detector with image_size={image.shape[-1]}."
        )


def require_multiple(image_size: int, unit: int) -> None:
    """Check that a network can be built for images of that side, in pixels.

    Raises:
        OptionError: If it is no multiple of ``unit``; the message names the nearest one.
    """
    if image_size < unit or image_size % unit:
        nearest = max(1, round(image_size / unit)) * unit
        raise OptionError(
            f"image_size must be a multiple of {unit}, got {image_size}; the nearest is {nearest}."
        )
