import numpy as np
import torch

from telltrace.faces.boxes import suppress_nested


def test_nested_boxes_fall_as_if_gone_through_one_by_one() -> None:
    rng = np.random.default_rng(3)
    corner = rng.uniform(0, 60, (80, 2))
    boxes = np.hstack([corner, corner + rng.uniform(5, 60, (80, 2))])
    scores, owner = rng.uniform(size=80), rng.integers(0, 2, 80)
    kept: list[int] = []
    for i in np.argsort(-scores):
        for j in (j for j in kept if owner[j] == owner[i]):
            sides = np.minimum(boxes[i, 2:], boxes[j, 2:]) - np.maximum(boxes[i, :2], boxes[j, :2])
            areas = [np.prod(boxes[k, 2:] - boxes[k, :2] + 1) for k in (i, j)]
            if np.prod(np.maximum(sides + 1, 0)) / min(areas) > 0.7:
                break
        else:
            kept.append(int(i))
    tensors = (torch.from_numpy(array) for array in (boxes, scores, owner))
    assert suppress_nested(*tensors, 0.7).tolist() == kept
    assert 10 < len(kept) < 70
