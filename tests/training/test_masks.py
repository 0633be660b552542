"""From the mask column of a manifest to the losses that learn from it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from telltrace.data.manifest import read_manifest, write_manifest
from telltrace.losses import Localization, multi_task
from telltrace.training import DataConfig, OptimConfig, train


@pytest.fixture
def masked(crops: Path, tmp_path: Path) -> Path:
    """The noise crops; every other fake has a mask of its upper half."""
    table = read_manifest(crops)
    half = np.zeros((32, 32), np.uint8)
    half[:16] = 255
    Image.fromarray(half).save(tmp_path / "mask.png")
    fakes = table.index[table.label == 1]
    table.loc[fakes[::2], "mask"] = str(tmp_path / "mask.png")
    write_manifest(table, tmp_path / "manifest.csv")
    (tmp_path / "prepare.json").write_text((crops.parent / "prepare.json").read_text())
    return tmp_path / "manifest.csv"


def run(manifest: Path, out: Path, detector: str) -> None:
    train(
        manifest=[manifest],
        out=out,
        detector=detector,
        data=DataConfig(image_size=32, batch_size=6, augmentation="sficonv"),
        optim=OptimConfig(epochs=1),
        device="cpu",
    )


def test_multi_task_learns_from_the_masks_that_are_there(
    masked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[torch.Tensor, torch.Tensor, float]] = []
    whole = multi_task.multi_task_loss

    def spy(*args: Any) -> Any:
        losses = whole(*args)
        seen.append((args[4], args[5], losses["segmentation"].item()))
        return losses

    monkeypatch.setattr(multi_task, "multi_task_loss", spy)
    run(masked, tmp_path / "run", "multi_task")
    assert len(seen) == 2  # two steps
    kinds = set()
    for labels, masks, segmentation in seen:
        assert segmentation > 0
        assert (masks[labels == 0] == 0).all()
        for mask in masks[labels == 1]:
            values = tuple(mask.unique().tolist())
            kinds.add(values)
            assert values == (-1,) or 0.3 < mask.float().mean() < 0.7
    assert kinds == {(-1,), (0, 1)}


def test_localization_reads_the_same_masks(
    masked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps: list[float] = []
    forward = Localization.forward

    def spy(*args: Any) -> Any:
        losses = forward(*args)
        assert losses["rank"] == 0  # a balanced batch holds no pairs
        maps.append(losses["map"].item())
        return losses

    monkeypatch.setattr(Localization, "forward", spy)
    run(masked, tmp_path / "run", "blend_map")
    assert len(maps) == 2
    assert all(value > 0 for value in maps)


def test_detectors_without_use_for_masks_do_not_open_them(masked: Path, tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_bytes(b"no picture")
    run(masked, tmp_path / "run", "mobilenet")
    with pytest.raises(ValueError, match="the mask is no readable picture"):
        run(masked, tmp_path / "other", "multi_task")
