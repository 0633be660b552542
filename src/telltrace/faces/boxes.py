"""Boxes as tensors (N, 4) of left, top, right, bottom: moved, squared, thinned out."""

import torch
from torch import Tensor


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

    A box falls if a kept, better one of the same picture covers more than ``limit`` of the smaller
    of both. Whether the better one is kept is settled by repeating until nothing changes, which is
    what going through them one by one would give.
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
