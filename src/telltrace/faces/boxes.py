"""Boxes as tensors (N, 4) of left, top, right, bottom: moved, squared, thinned out, and cut out."""

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor


def integral_images(images: Tensor) -> Tensor:
    """For each pixel the sum of all above and left of it, so that any box sum is four reads.

    (B, H, W, 3) of 8 bits to (B, H + 1, W + 1, 3), whose first row and column are 0.
    """
    height, width = images.shape[1:3]
    dtype = torch.int32 if height * width * 255 < 2**31 else torch.int64
    if images.device.type == "cpu" and dtype == torch.int32:  # OpenCV is 30 times as fast
        return torch.stack([torch.from_numpy(cv2.integral(image)) for image in images.numpy()])
    sums = images.cumsum(dim=1, dtype=dtype).cumsum(dim=2, dtype=dtype)
    return F.pad(sums, (0, 0, 1, 0, 1, 0))


def cut_patches(
    sums: Tensor, boxes: Tensor, owner: Tensor, size: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Cut boxes out of pictures and average each down (or repeat it up) to one size.

    A box is cut to the picture first, and dropped if nothing of it is inside. A patch is what
    torch's ``interpolate(mode="area")`` computes.

    Shape:
        - Input: `integral_images` (B, H + 1, W + 1, 3); boxes (N, 4) as left, top, right, bottom
          counted from 1 with the last pixel included; pictures (N,)
        - Output: boxes (M, 4), pictures (M,) and patches (M, 3, size, size) in [-1, 1]
    """
    height, width = sums.shape[1] - 1, sums.shape[2] - 1
    limits = torch.tensor([width, height], device=boxes.device)
    first = boxes[:, :2].trunc().long().clamp(min=1) - 1
    last = torch.minimum(boxes[:, 2:].trunc().long(), limits)
    inside = (last > first).all(dim=1)
    boxes, owner, first, last = boxes[inside], owner[inside], first[inside], last[inside]
    steps = torch.arange(size, device=boxes.device)
    sides = (last - first)[:, :, None]  # (M, 2, 1)
    starts = first[:, :, None] + steps * sides // size  # (M, 2, size)
    ends = first[:, :, None] - (-(steps + 1) * sides // size)
    (left, top), (right, bottom) = starts.unbind(1), ends.unbind(1)
    flat = sums.view(-1, sums.shape[-1])
    base = owner[:, None] * (height + 1)

    def corner(rows: Tensor, columns: Tensor) -> Tensor:
        index = ((base + rows) * (width + 1))[:, :, None] + columns[:, None, :]
        return flat[index]

    total = corner(bottom, right) - corner(top, right) - corner(bottom, left) + corner(top, left)
    area = (bottom - top)[:, :, None] * (right - left)[:, None, :]
    means = total / area[..., None]
    return boxes, owner, ((means - 127.5) / 128).permute(0, 3, 1, 2)


def moved(boxes: Tensor, shifts: Tensor) -> Tensor:
    """Boxes (N, 4) with each side moved by its correction, given in sizes of the box."""
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    return boxes + shifts * sides.repeat(1, 2)


def square(boxes: Tensor) -> Tensor:
    """The squares about the centres of boxes (N, 4), as large as their longer sides."""
    sides = boxes[:, 2:] - boxes[:, :2]
    longer = sides.amax(dim=1, keepdim=True)
    corner = boxes[:, :2] + sides / 2 - longer / 2
    return torch.cat([corner, corner + longer], dim=1)


def suppress_nested(boxes: Tensor, scores: Tensor, owner: Tensor, limit: float) -> Tensor:
    """Greedy suppression by intersection over the smaller of two areas; the best first.

    A box falls if a kept, better one of the same picture covers more than ``limit`` of the smaller.
    Boxes (N, 4), scores (N,) and picture numbers (N,) in; positions of those kept, (K,), out.
    """
    order = scores.argsort(descending=True, stable=True)
    boxes, owner = boxes[order], owner[order]
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    areas = sides.prod(dim=1)
    corner = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    meet = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - corner + 1
    share = meet.clamp(min=0).prod(dim=2) / torch.minimum(areas[:, None], areas[None, :])
    rivals = torch.triu((share > limit) & (owner[:, None] == owner[None, :]), diagonal=1)
    keep = torch.ones(len(boxes), dtype=torch.bool, device=boxes.device)
    while True:
        settled = ~(rivals & keep[:, None]).any(dim=0)
        if torch.equal(settled, keep):
            return order[keep]
        keep = settled
