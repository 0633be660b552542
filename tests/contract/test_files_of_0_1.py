"""Files that version 0.1 wrote are read as it read them."""

from pathlib import Path

import numpy as np
import pytest

from telltrace.data.cropping import crop_media
from telltrace.data.crops import read_crops
from telltrace.data.manifest import manifest_hash, read_manifest, write_manifest
from telltrace.evaluation import read_scores
from telltrace.faces.align import FaceCrop
from telltrace.files.pictures import read_crop
from telltrace.inference import predict

FILES = Path(__file__).parent / "files_of_0_1"
CROPS = FILES / "crops" / "manifest.csv"


def test_a_manifest_is_read_and_written_as_the_same_bytes(tmp_path: Path) -> None:
    table, crop = read_crops([CROPS])
    assert len(table) == 12
    assert crop == FaceCrop(64)
    assert set(table.label) == {0, 1}
    table["path"] = [str(tmp_path / Path(path).relative_to(CROPS.parent)) for path in table.path]
    write_manifest(table, tmp_path / "manifest.csv")
    assert (tmp_path / "manifest.csv").read_bytes() == CROPS.read_bytes()


def test_a_pack_holds_the_crops_it_was_made_of() -> None:
    table, crop = read_crops([CROPS])
    packed, packed_crop = read_crops([FILES / "crops.pack"])
    assert packed_crop == crop
    assert manifest_hash(packed) == manifest_hash(table)
    for own, other in zip(table.path, packed.path, strict=True):
        np.testing.assert_array_equal(read_crop(own), read_crop(other))


def test_a_checkpoint_scores_as_it_did() -> None:
    found = predict(CROPS, detector=FILES / "run" / "best.safetensors", device="cpu")
    before = read_scores(FILES / "scores.csv")
    assert found.video.tolist() == before.video.tolist()
    np.testing.assert_allclose(found.score, before.score, atol=1e-5)
    assert found.score.nunique() > 1


def test_crops_of_other_settings_are_not_replaced() -> None:
    media = read_manifest(CROPS).assign(frame=-1, box="", landmarks="")
    before = (CROPS.parent / "prepare.json").read_bytes()
    with pytest.raises(ValueError, match="holds crops of other settings"):
        crop_media(media, CROPS.parent, FaceCrop(32), workers=0)
    assert (CROPS.parent / "prepare.json").read_bytes() == before
