from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from telltrace.data.extract import (
    BATCH_BYTES,
    BATCH_FRAMES,
    OutputError,
    in_batches,
    lose_medium,
    run_extract,
)
from telltrace.data.extraction import ExtractJob, ExtractSettings, read_mark
from telltrace.faces.align import FaceCrop
from telltrace.faces.detect import Face
from telltrace.faces.media import Sampling
from telltrace.faces.track import choose_face, overlap
from telltrace.jobs.pool import Lost


def face(left: float, top: float, side: float, confidence: float = 1.0) -> Face:
    return Face((left, top, left + side, top + side), np.zeros((5, 2), np.float32), confidence)


def test_the_largest_sure_face_is_chosen_first() -> None:
    small, large, doubtful = face(0, 0, 50), face(100, 0, 60), face(200, 0, 61, 0.5)
    assert choose_face([small, large, doubtful]) is large


def test_the_same_person_is_kept_though_another_comes_nearer() -> None:
    before, now, nearer = face(0, 0, 50), face(5, 0, 50), face(100, 0, 65)
    assert choose_face([nearer, now], before) is now
    assert choose_face([face(100, 0, 75), now], before).box[0] == 100  # more than twice as large
    assert choose_face([nearer], before) is nearer


def test_overlap_of_boxes() -> None:
    assert overlap(face(0, 0, 10).box, face(0, 0, 10).box) == pytest.approx(1)
    assert overlap(face(0, 0, 10).box, face(5, 0, 10).box) == pytest.approx(1 / 3)
    assert overlap(face(0, 0, 10).box, face(20, 20, 10).box) == 0


@dataclass
class Picture:
    image: np.ndarray


def test_batches_are_neither_long_nor_large() -> None:
    small = [Picture(np.zeros((2, 2, 3), np.uint8)) for _ in range(2 * BATCH_FRAMES + 1)]
    assert [len(batch) for batch in in_batches(small)] == [BATCH_FRAMES, BATCH_FRAMES, 1]
    large = [Picture(np.broadcast_to(np.uint8(0), (BATCH_BYTES // 3 + 1, 1, 3)))] * 3
    assert [len(batch) for batch in in_batches(large)] == [1, 1, 1]
    assert list(in_batches([])) == []


@pytest.fixture
def job(clip, tmp_path: Path) -> ExtractJob:
    settings = ExtractSettings(FaceCrop(48), Sampling("all"))
    path = clip(tmp_path / "clip.mp4", frames=3)
    return ExtractJob(str(path), str(tmp_path / "out"), str(tmp_path / "aside"), settings)


def test_a_mark_holds_until_something_changes(job: ExtractJob) -> None:
    found, folder = run_extract(job), Path(job.folder)
    assert (found.read, found.with_face, len(found.faces), found.status) == (3, 3, 3, "")
    assert read_mark(job) == found
    assert read_mark(replace(job, settings=replace(job.settings, crop=FaceCrop(49)))) is None
    (folder / "000001.png").rename(folder / "moved.png")
    assert read_mark(job) is None
    (folder / "moved.png").rename(folder / "000001.png")
    assert read_mark(job) == found
    Path(job.path).touch()
    assert read_mark(job) is None
    (folder / "faces.json").write_text('{"settings": ')
    assert read_mark(job) is None


def test_a_second_extraction_replaces_the_first(job: ExtractJob) -> None:
    run_extract(job)
    before = (Path(job.folder) / "000002.png").read_bytes()
    (Path(job.folder) / "left_over.png").touch()
    assert run_extract(job).faces[2]["file"] == "000002.png"
    names = sorted(p.name for p in Path(job.folder).iterdir())
    assert names == ["000000.png", "000001.png", "000002.png", "faces.json"]
    assert (Path(job.folder) / "000002.png").read_bytes() == before
    assert not list(Path(job.unfinished).iterdir())


def test_a_full_or_forbidden_disk_is_not_blamed_on_the_medium(job: ExtractJob) -> None:
    Path(job.unfinished).write_text("a file where a folder must be")
    with pytest.raises(OutputError, match=r"cannot be written .* run the same command again"):
        run_extract(job)


def test_a_defect_in_reading_is_told_and_not_raised(job: ExtractJob, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise MemoryError("too large")

    monkeypatch.setattr("telltrace.data.extract.open_media", broken)
    found = run_extract(job)
    assert (found.status, found.faces) == ("UNREADABLE", [])
    assert found.reason == "could not be processed (MemoryError: too large)"
    assert read_mark(job) is None  # tried again next time


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="must be"):
        ExtractSettings(faces="some")


def test_equal_settings_have_equal_digests() -> None:
    assert ExtractSettings().digest() == ExtractSettings().digest()
    others = [
        ExtractSettings(faces="all"),
        ExtractSettings(sampling=Sampling(value=8)),
        ExtractSettings(crop=FaceCrop(margin=1.4)),
    ]
    assert len({s.digest() for s in [ExtractSettings(), *others]}) == 4
    assert_array_equal([len(s.digest()) for s in others], 16)


def test_a_medium_that_is_lost_says_how() -> None:
    job = ExtractJob("a.mp4", "a", "aside", ExtractSettings())
    late = lose_medium(job, Lost("timeout", "3600 s"))
    dead = lose_medium(job, Lost("crash", "SIGSEGV"))
    assert (late.status, dead.status) == ("TIMEOUT", "UNREADABLE")
    assert "within 3600 s" in late.reason
    assert not late.faces
    assert late.remedy
    assert dead.remedy
