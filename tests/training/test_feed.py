from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from telltrace.data.crops import crop_landmarks, read_faces
from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop
from telltrace.faces.detect import Face
from telltrace.training import DataConfig, OptimConfig, train
from telltrace.training.feed import Feed

from .conftest import SMALL


def make_feed(crops: Path, **data: object) -> Feed:
    table, cuts = read_faces([crops])
    settings = DataConfig(image_size=24, batch_size=4, augmentation="none", **data)  # type: ignore[arg-type]
    return Feed(table, cuts, Preprocessing(cuts[0], 24), settings, 7)


@pytest.mark.parametrize("given", [{}, {"task": "blend"}, {"oversample": True}])
@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_is_the_same_from_whichever_step_and_with_any_workers(
    crops: Path, given: dict[str, object], workers: int
) -> None:
    whole = list(make_feed(crops, **given).batches(3, 0))
    feed = make_feed(crops, workers=workers, **given)
    assert len(whole) == feed.steps
    for start in range(feed.steps):
        rest = list(feed.batches(3, start))
        assert len(rest) == feed.steps - start
        for mine, theirs in zip(rest, whole[start:], strict=True):
            assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))


def test_blends_come_in_pairs_with_masks_of_what_was_pasted(crops: Path) -> None:
    feed = make_feed(crops, task="blend")
    assert feed.steps == 3  # six real crops, two pairs a step
    for images, labels, masks in feed.batches(0, 0):
        assert images.shape == (4, 24, 24, 3)
        assert labels.tolist() == [0, 0, 1, 1]
        assert not masks[:2].any()
        assert (masks[2:].amax((1, 2)) > 0).all()
        assert (images[2:] != images[:2]).flatten(1).any(1).all()


def test_validation_sees_the_same_blends_each_time_and_none_of_training(crops: Path) -> None:
    feed = make_feed(crops, task="blend")
    first, second = (list(feed.validation()) for _ in range(2))
    assert [labels.tolist() for _, labels, _ in first] == [[0, 0, 0, 1, 1, 1]]
    for (images, *_), (again, *_) in zip(first, second, strict=True):
        np.testing.assert_array_equal(images, again)


def test_a_detector_trains_on_reals_alone(crops: Path, tmp_path: Path) -> None:
    best = train(
        manifest=[crops],
        out=tmp_path / "run",
        data=DataConfig(task="blend", image_size=32, batch_size=4),
        optim=OptimConfig(epochs=1),
        **SMALL,
    )
    assert best.exists()


@pytest.mark.parametrize("alignment", ["box", "similarity"])
def test_landmarks_are_placed_where_the_crop_shows_them(alignment: str) -> None:
    crop = FaceCrop(size=64, margin=1.5, alignment=alignment)  # type: ignore[arg-type]
    spots = np.array([[60, 60], [100, 64], [80, 80], [66, 100], [96, 102]], dtype=np.float32)
    image = np.zeros((160, 160, 3), np.uint8)
    for x, y in spots.astype(int):
        image[y - 2 : y + 3, x - 2 : x + 3] = 255
    face = Face((50.0, 40.0, 110.0, 120.0), spots, 1.0)
    shown = crop.cut(image, face)[..., 0].astype(float)
    table = pd.DataFrame(
        {"box": ["50 40 110 120"], "landmarks": [" ".join(f"{x},{y}" for x, y in spots)]}
    )
    (placed,) = crop_landmarks(table, crop)
    assert placed is not None
    rows, columns = np.mgrid[:64, :64]
    for x, y in placed:
        near = np.where(np.hypot(columns - x, rows - y) < 4, shown, 0)
        centre = (near * columns).sum() / near.sum(), (near * rows).sum() / near.sum()
        assert np.hypot(centre[0] - x, centre[1] - y) < 0.75
