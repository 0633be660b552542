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


def test_shuffled_and_plain_epochs_show_every_row_once(crops: pd.DataFrame) -> None:
    assert sorted(epoch_order(crops, 0, 7, "shuffled")) == list(range(24))
    assert epoch_order(crops, 3, 7, "manifest").tolist() == list(range(24))


def test_a_last_batch_that_is_not_full(crops: pd.DataFrame) -> None:
    dataset = FaceDataset(crops, SIZE)
    assert [len(y) for _, y in epoch(dataset, batch_size=10)] == [10, 10]
    whole = epoch(dataset, batch_size=10, drop_last=False, order="manifest")
    assert [len(y) for _, y in whole] == [10, 10, 4]
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
    with pytest.raises(FileNotFoundError) as caught:
        FaceDataset(read[read.label == 1], SIZE)
    for part in (crops.path[17], str(tmp_path / "manifest.csv"), "line 19", "B/v17", "prepare"):
        assert part in str(caught.value)
    with pytest.raises(FileNotFoundError, match="line 19"):
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
    with pytest.raises(ValueError, match="Unknown recipe 'strong'"):
        FaceDataset(crops, SIZE, recipe="strong")


def test_the_given_manifest_is_not_changed(crops: pd.DataFrame) -> None:
    before = crops.copy()
    FaceDataset(crops, SIZE)
    pd.testing.assert_frame_equal(crops, before)
    assert "identity" in check_manifest(crops)
