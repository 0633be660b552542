from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from telltrace.data.loader import FaceDataset, batches, epoch_order
from telltrace.data.manifest import check_manifest, read_manifest, write_manifest
from telltrace.data.transforms import Preprocessing
from telltrace.errors import MediaError
from telltrace.pixels.augmentations import RECIPES, augment
from telltrace.pixels.geometry import Move, follow

SIZE = Preprocessing(image_size=16)


def epoch(dataset: FaceDataset, **options) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return list(batches(dataset, **({"epoch": 0, "seed": 7, "batch_size": 4} | options)))


def same(a, b) -> bool:
    pairs = zip(a, b, strict=True)
    return all(torch.equal(x, y) for one, other in pairs for x, y in zip(one, other, strict=True))


def test_images_are_the_crops_and_are_decoded_once(crops: pd.DataFrame) -> None:
    dataset = FaceDataset(crops, Preprocessing(image_size=20))
    for row, path in enumerate(crops.path):
        expected = np.asarray(Image.open(path))
        assert np.array_equal(dataset.image(row), expected)
        Path(path).unlink()
        assert np.array_equal(dataset.image(row), expected)


def test_without_memory_for_it_nothing_is_kept(crops: pd.DataFrame) -> None:
    dataset = FaceDataset(crops, SIZE, cache_bytes=24 * 16 * 16 * 3 - 1)
    dataset.image(0)
    Path(crops.path[0]).unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        dataset.image(0)


@pytest.mark.parametrize("order", ["balanced", "shuffled", "manifest"])
@pytest.mark.parametrize("recipe", ["none", "sficonv", "robust"])
def test_workers_cache_and_restarts_change_nothing(crops, order, recipe) -> None:
    dataset = FaceDataset(crops, SIZE, recipe=recipe)
    plain = epoch(dataset, order=order)
    assert [tuple(images.shape) for images, _ in plain] == [(4, 16, 16, 3)] * 6
    assert plain[0][0].dtype == torch.uint8
    assert plain[0][1].dtype == torch.int64
    assert same(epoch(dataset, order=order, workers=3), plain)
    assert same(epoch(FaceDataset(crops, SIZE, recipe=recipe, cache_bytes=0), order=order), plain)
    assert same(epoch(dataset, order=order, start=4, workers=1), plain[4:])


def test_shards_together_are_the_batch(crops: pd.DataFrame) -> None:
    dataset = FaceDataset(crops, SIZE, recipe="robust")
    whole = epoch(dataset)
    parts = [epoch(dataset, shard=(rank, 2)) for rank in (0, 1)]
    woven = [
        tuple(torch.stack([a, b], 1).flatten(0, 1) for a, b in zip(even, odd, strict=True))
        for even, odd in zip(*parts, strict=True)
    ]
    assert same(woven, whole)
    with pytest.raises(ValueError, match="batch_size 3 is not a multiple of 2 processes"):
        epoch(dataset, batch_size=3, shard=(0, 2))


def test_seeds_and_epochs_differ(crops: pd.DataFrame) -> None:
    dataset = FaceDataset(crops, SIZE)
    assert not same(epoch(dataset), epoch(dataset, epoch=1))
    assert not same(epoch(dataset), epoch(dataset, seed=8))


def test_balanced_epochs_show_classes_and_methods_equally(crops: pd.DataFrame) -> None:
    order = epoch_order(crops, 0, 7, "balanced")
    shown = Counter(crops.method[order])
    assert shown == {"real": 12, "A": 6, "B": 6}
    assert set(Counter(order[crops.label[order] == 0]).values()) == {3}  # 4 reals, each 3 times
    assert max(Counter(order[crops.label[order] == 1]).values()) == 1
    seen = {row for e in range(20) for row in epoch_order(crops, e, 7, "balanced")}
    assert seen == set(range(24))


def test_an_oversampled_epoch_repeats_the_smaller_class_and_shows_all(crops: pd.DataFrame) -> None:
    order = epoch_order(crops, 0, 7, "oversampled")
    assert Counter(order) == {row: 1 if label else 5 for row, label in enumerate(crops.label)}
    assert order.tolist() != epoch_order(crops, 1, 7, "oversampled").tolist()
    only = epoch_order(crops[crops.label == 1], 0, 7, "oversampled")
    assert sorted(only) == list(range(20))


def test_shuffled_and_plain_epochs_show_every_row_once(crops: pd.DataFrame) -> None:
    assert sorted(epoch_order(crops, 0, 7, "shuffled")) == list(range(24))
    assert epoch_order(crops, 3, 7, "manifest").tolist() == list(range(24))


def test_a_last_batch_that_is_not_full(crops: pd.DataFrame) -> None:
    dataset = FaceDataset(crops, SIZE)
    assert [len(y) for _, y in epoch(dataset, batch_size=10)] == [10, 10]
    whole = epoch(dataset, batch_size=8, order="manifest")
    assert torch.cat([y for _, y in whole]).tolist() == crops.label.tolist()
    with pytest.raises(ValueError, match="24 crops make no batch of 25"):
        epoch(dataset, batch_size=25)


def test_one_class_only_cannot_be_balanced(crops: pd.DataFrame) -> None:
    for label, name in ((0, "reals"), (1, "fakes")):
        dataset = FaceDataset(crops[crops.label == label], SIZE)
        with pytest.raises(ValueError, match=f"holds {name} only.*Add the other class"):
            epoch(dataset)
        assert epoch(dataset, order="shuffled")


def test_a_missing_crop_is_named_with_file_line_and_remedy(crops: pd.DataFrame, tmp_path) -> None:
    write_manifest(crops, tmp_path / "manifest.csv")
    Path(crops.path[17]).unlink()
    read = read_manifest(tmp_path / "manifest.csv")
    with pytest.raises(MediaError) as caught:
        FaceDataset(read[read.label == 1], SIZE)
    for part in (crops.path[17], str(tmp_path / "manifest.csv"), "line 19", "B/v17", "prepare"):
        assert part in str(caught.value)
    with pytest.raises(MediaError, match="line 19"):
        FaceDataset(read[read.label == 1].reset_index(drop=True), SIZE)


@pytest.mark.parametrize("content", [b"", b"no picture"])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_crop_is_an_error_and_no_other_picture(crops, content, workers) -> None:
    Path(crops.path[5]).write_bytes(content)
    with pytest.raises(ValueError, match=r"05\.png: the crop is no readable picture .*row 5"):
        epoch(FaceDataset(crops, SIZE), order="manifest", workers=workers)


def test_grey_and_transparent_crops_become_rgb(tmp_path: Path) -> None:
    grey = Image.fromarray(np.full((9, 9), 77, np.uint8))
    grey.save(tmp_path / "grey.png")
    grey.convert("RGBA").save(tmp_path / "alpha.png")
    paths = [str(tmp_path / "grey.png"), str(tmp_path / "alpha.png")]
    dataset = FaceDataset(pd.DataFrame({"path": paths, "label": 0}), Preprocessing(image_size=9))
    assert all((dataset.image(row) == 77).all() for row in (0, 1))


def test_an_unknown_recipe_is_refused_at_once(crops: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="Unknown recipe 'weak'"):
        FaceDataset(crops, SIZE, recipe="weak")


def test_the_given_manifest_is_not_changed(crops: pd.DataFrame) -> None:
    before = crops.copy()
    FaceDataset(crops, SIZE)
    pd.testing.assert_frame_equal(crops, before)
    assert "identity" in check_manifest(crops)


@pytest.fixture
def masked(crops: pd.DataFrame, tmp_path: Path) -> pd.DataFrame:
    """Fakes 4 to 13 have a mask of their left half, fakes 14 to 23 none."""
    half = np.zeros((20, 20), np.uint8)
    half[:, :10] = 255
    Image.fromarray(half).save(tmp_path / "mask.png")
    crops["mask"] = [str(tmp_path / "mask.png") if 4 <= row < 14 else "" for row in range(24)]
    return crops


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("cache_bytes", [0, 2**30])
def test_masks_are_of_fakes_zero_for_reals_and_unknown_else(masked, workers, cache_bytes) -> None:
    dataset = FaceDataset(masked, SIZE, masks=True, cache_bytes=cache_bytes)
    for _ in range(2):  # the second time from memory
        shown = epoch(dataset, batch_size=8, order="manifest", workers=workers)
        masks = torch.cat([m for _, _, m in shown])
        assert (masks[:4] == 0).all()
        assert (masks[4:14, :, :8] == 1).all()
        assert (masks[4:14, :, 8:] == 0).all()
        assert (masks[14:] == -1).all()
    plain = FaceDataset(masked, SIZE)
    assert same([b[:2] for b in shown], epoch(plain, batch_size=8, order="manifest"))


@pytest.mark.parametrize("recipe", ["sficonv", "ba", "robust", "strong"])
def test_a_mask_moves_with_its_image(tmp_path: Path, recipe: str) -> None:
    """Where the picture is its own mask, and only moved, the two stay the same."""
    spot = np.zeros((64, 64), np.uint8)
    spot[10:30, 35:60] = 255
    moves = [(step, p) for step, p in RECIPES[recipe] if isinstance(step, Move)]
    assert moves
    moved = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        image, mask = follow(moves, np.stack([spot] * 3, axis=-1), rng, spot)
        assert np.array_equal(image[..., 1], mask)
        moved += not np.array_equal(mask, spot)
    assert moved > 6
    whole, _ = augment(np.full((64, 64, 3), 90, np.uint8), 1, 2, 3, recipe)
    with_mask, _ = augment(np.full((64, 64, 3), 90, np.uint8), 1, 2, 3, recipe, spot)
    assert np.array_equal(whole, with_mask)


def test_a_missing_or_broken_mask_is_named(masked: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"mask\.png: the mask is no readable picture .*row 4"):
        epoch(FaceDataset(masked, SIZE, masks=True), order="manifest")
    (tmp_path / "mask.png").unlink()
    with pytest.raises(MediaError, match=r"mask\.png: the mask does not exist .*row 4"):
        FaceDataset(masked, SIZE, masks=True)
    assert len(epoch(FaceDataset(masked, SIZE))) == 6
