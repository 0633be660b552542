import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from telltrace.cli import main
from telltrace.data.crops import read_crops, read_pack, write_pack
from telltrace.data.loader import FaceDataset, batches
from telltrace.data.manifest import ManifestError, manifest_hash, read_manifest, write_manifest
from telltrace.data.transforms import Preprocessing
from telltrace.errors import MediaError
from telltrace.faces.align import FaceCrop
from telltrace.files.pack import HEAD, exists, read_bytes

CROP = FaceCrop(size=20)


@pytest.fixture
def manifest(crops: pd.DataFrame, tmp_path: Path) -> Path:
    """The noise crops, one of them a JPEG, two with masks, as `prepare` leaves them."""
    jpeg = Path(crops.path[6]).with_suffix(".jpg")
    Image.open(crops.path[6]).save(jpeg, quality=90)
    crops.loc[6, "path"] = str(jpeg)
    crops["mask"] = ""
    for row in (5, 9):
        mask = tmp_path / "masks" / f"{row}.png"
        mask.parent.mkdir(exist_ok=True)
        Image.fromarray(np.tri(20, dtype=np.uint8) * 255).save(mask)
        crops.loc[row, "mask"] = str(mask)
    crops["split"] = ["train"] * 16 + ["test"] * 8
    write_manifest(crops, tmp_path / "manifest.csv")
    (tmp_path / "prepare.json").write_text(json.dumps({"crop": CROP.to_dict()}))
    return tmp_path / "manifest.csv"


def test_a_pack_reads_like_its_folder(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "elsewhere" / "faces.pack"
    assert main(["pack", str(manifest), str(out)]) == 0
    folder, crop = read_crops([manifest])
    packed, packed_crop = read_crops([out])
    assert packed_crop == crop
    assert manifest_hash(packed) == manifest_hash(folder)
    for a, b in zip(folder.path, packed.path, strict=True):
        assert Path(a).read_bytes() == read_bytes(b).tobytes()
    options = {"epoch": 1, "seed": 3, "batch_size": 6, "workers": 2}
    size = Preprocessing(crop, 16)
    pair = (FaceDataset(t, size, recipe="strong", masks=True) for t in (folder, packed))
    for mine, theirs in zip(*(batches(d, **options) for d in pair), strict=True):
        assert all(torch.equal(x, y) for x, y in zip(mine, theirs, strict=True))


def test_a_pack_can_be_moved_and_its_sources_deleted(manifest: Path, tmp_path: Path) -> None:
    main(["pack", str(manifest), str(tmp_path / "a.pack"), "--split", "test"])
    pixels = [np.asarray(Image.open(path)) for path in read_manifest(manifest).path[16:]]
    shutil.move(tmp_path / "a.pack", tmp_path / "b.pack")
    for path in tmp_path.glob("*.png"):
        path.unlink()
    table, _ = read_pack(tmp_path / "b.pack")
    dataset = FaceDataset(table, Preprocessing(CROP, 20))
    for row, expected in enumerate(pixels):
        np.testing.assert_array_equal(dataset.image(row), expected)


def test_a_pack_is_packed_again_with_fewer_rows(manifest: Path, tmp_path: Path) -> None:
    main(["pack", str(manifest), str(tmp_path / "a.pack")])
    main(["pack", str(tmp_path / "a.pack"), str(tmp_path / "b.pack"), "--split", "test"])
    table, _ = read_pack(tmp_path / "b.pack")
    assert len(table) == 8
    first = read_manifest(manifest).path[16]
    assert read_bytes(table.path[0]).tobytes() == Path(first).read_bytes()


def test_the_same_crops_give_the_same_bytes(manifest: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        main(["pack", str(manifest), str(tmp_path / f"{name}.pack")])
    assert (tmp_path / "a.pack").read_bytes() == (tmp_path / "b.pack").read_bytes()


def test_what_is_no_complete_pack_is_named(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces.pack"
    with pytest.raises(ManifestError, match=r"faces\.pack: is not a file"):
        read_pack(out)
    out.write_bytes(b"path,label\n" * 9)
    with pytest.raises(ValueError, match=r"faces\.pack: is no pack"):
        read_pack(out)
    main(["pack", str(manifest), str(out)])
    whole = out.read_bytes()
    out.write_bytes(whole[:-7])
    with pytest.raises(ValueError, match=r"faces\.pack: is not complete"):
        read_pack(out)
    out.write_bytes(HEAD.pack(b"telltrac", 2, 0, 0) + whole[HEAD.size :])
    with pytest.raises(ValueError, match="version 2, not 1"):
        read_pack(out)


def test_damaged_bytes_are_an_error_and_no_picture(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces.pack"
    main(["pack", str(manifest), str(out)])
    content = bytearray(out.read_bytes())
    content[HEAD.size + 100] ^= 1
    out.write_bytes(content)
    table, crop = read_pack(out)
    dataset = FaceDataset(table, Preprocessing(crop, 20))
    with pytest.raises(ValueError, match=r"faces\.pack/00\.png: is damaged"):
        dataset.image(0)
    assert dataset.image(1).shape == (20, 20, 3)


def test_entries_that_are_not_there_are_missing_crops(manifest: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces.pack"
    main(["pack", str(manifest), str(out)])
    table, crop = read_pack(out)
    table.loc[3, "path"] = f"{out}/none.png"
    assert not exists(table.path[3])
    with pytest.raises(MediaError, match=r"faces\.pack/none\.png: the crop does not exist"):
        FaceDataset(table, Preprocessing(crop, 20))


def test_nothing_is_overwritten_by_a_pack_that_fails(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    out = tmp_path / "faces.pack"
    out.write_bytes(b"as it was")
    table, crop = read_crops([manifest])
    with pytest.raises(ValueError, match=r"must end in \.pack"):
        write_pack(table, crop, tmp_path / "faces.bin")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=0))
    assert main(["pack", str(manifest), str(out)]) == 2
    assert "the disk has 0 MiB left" in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.setattr(os, "fsync", _full)
    assert main(["pack", str(manifest), str(out)]) == 2
    assert out.read_bytes() == b"as it was"
    assert not list(tmp_path.glob("*.partial"))
    monkeypatch.undo()
    Path(table.path[2]).unlink()
    assert main(["pack", str(manifest), str(out)]) == 2
    assert "02.png: does not exist" in capsys.readouterr().err


def _full(file: int) -> None:
    raise OSError(28, "No space left on device")
