"""What the containers of videos say: tracks, codecs, programs, edits, times."""

from pathlib import Path
from typing import Any

import pytest

from telltrace.evidence.boxes import index_findings, read_index
from telltrace.evidence.provenance import read_provenance
from telltrace.evidence.video import encoder_settings


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
def test_codecs_encoder_and_sound_are_named(
    suffix: str, material: Any, tmp_path: Path, told: Any
) -> None:
    found = read_provenance(material.write_video(tmp_path / f"a.{suffix}"))
    (codecs,) = told(found, "container.codecs")
    assert ("vp8" if suffix == "webm" else "h264") in codecs
    assert "96 x 64" in codecs
    assert told(found, "tracks.unexamined") == ["1 audio track"]
    assert any("Lavf" in one for one in told(found, "container.encoder"))
    x264 = [one for one in told(found, "container.encoder") if "x264 - core" in one]
    assert len(x264) == (suffix != "webm")
    assert not told(found, "metadata.damaged")


def test_cameras_and_editors_name_themselves(material: Any, tmp_path: Path, told: Any) -> None:
    tags = {"com.apple.quicktime.make": "Acme", "com.apple.quicktime.model": "C1"}
    tags |= {"comment": "made with CapCut", "AIGC": '{"Label": "1"}'}
    found = read_provenance(material.write_video(tmp_path / "a.mov", **tags))
    assert told(found, "camera.model") == ["container: Acme C1"]
    assert told(found, "editor.tag") == ["tag comment: made with CapCut"]
    assert told(found, "generator.tag") == ['tag aigc: {"Label": "1"}']
    assert "Acme C1" in told(found, "conflict")[0]


def test_two_tracks_of_pictures_are_several_encodings(
    material: Any, tmp_path: Path, told: Any
) -> None:
    found = read_provenance(material.write_video(tmp_path / "a.mp4", tracks=2))
    assert told(found, "container.several")[0].startswith("2 tracks of pictures:")


def test_an_edit_that_cuts_off_the_end_is_named(material: Any, tmp_path: Path, told: Any) -> None:
    path = material.write_video(tmp_path / "a.mp4", sound=False)
    assert not told(read_provenance(path), "container.edits")
    path.write_bytes(material.edit_list(path.read_bytes(), [(300, 0)]))
    assert told(read_provenance(path), "container.edits") == [
        "track 1: 1 parts, 0.30 of 1.20 s are shown"
    ]


def movie(made: int, changed: int) -> bytes:
    header = bytes(4) + b"".join(n.to_bytes(4, "big") for n in (made, changed, 1000, 5000))
    return (8 + len(header)).to_bytes(4, "big") + b"mvhd" + header


def test_times_of_the_container_are_those_of_the_header(told: Any) -> None:
    day = 24 * 3600
    (stated,) = told(tuple(index_findings(movie(day, 2 * day))), "time.stated")
    assert stated == "container: made 1904-01-02 00:00:00 UTC, changed 1904-01-03 00:00:00 UTC"
    found = tuple(index_findings(movie(2 * day, day)))
    assert [one.kind for one in found] == ["time.stated", "conflict"]
    assert list(index_findings(movie(0, 0))) == []


def test_the_index_is_found_behind_the_pictures(material: Any, tmp_path: Path) -> None:
    path = material.write_video(tmp_path / "a.mp4")
    data = path.read_bytes()
    assert data.index(b"mdat") < data.index(b"moov")
    assert read_index(path).movie == data[data.index(b"moov") + 4 :]


def test_settings_of_an_encoder_end_at_a_null_byte() -> None:
    assert encoder_settings(b"..x264 - core 164 rc=crf\0more") == "x264 - core 164 rc=crf"
    assert encoder_settings(b"nothing") == ""
