"""Networks that are made for images of one size, and what they say to others."""

from torch import Tensor


def require_size(image: Tensor, size: int) -> None:
    """Check that images have the size that a network was built for.

    Args:
        image: Images, (..., H, W).
        size: Side that both H and W must have, in pixels.

    Raises:
        ValueError: If they have not; the message says how to mend it.

    Examples:
        >>> import torch
        >>> require_size(torch.rand(1, 3, 32, 32), 32)
    """
    if tuple(image.shape[-2:]) != (size, size):
        raise ValueError(
            f"Expected images of {(size, size)} pixels, got {tuple(image.shape[-2:])}: resize "
            f"them, or build the detector with image_size={image.shape[-1]}."
        )
