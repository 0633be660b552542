"""What FiftyOne's importers read: labels and files by sample, boxes in shares, times in seconds."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from telltrace.inference import Scanner
from telltrace.inference.fiftyone import write_fiftyone


def read(folder: Path) -> tuple[dict[str, str], dict[str, list[dict[str, Any]]]]:
    labels = json.loads((folder / "labels.json").read_text())
    assert labels.keys() == {"labels"}  # without "classes" a label is a text
    return json.loads((folder / "data.json").read_text()), labels["labels"]


def test_faces_of_pictures_and_people_of_videos(
    scanner: Scanner, clip: Path, astronaut: Any, tmp_path: Path
) -> None:
    picture, empty = tmp_path / "astronaut.png", tmp_path / "no.face.png"
    Image.fromarray(astronaut).save(picture)
    Image.new("RGB", (64, 64)).save(empty)
    (tmp_path / "no.png").write_text("no picture")
    verdicts = [scanner.scan(p) for p in (picture, clip, empty, tmp_path / "no.png")]
    written = write_fiftyone([one.to_dict() for one in verdicts], tmp_path / "out")
    assert written == [tmp_path / "out" / "pictures", tmp_path / "out" / "videos"]
    files, labels = read(written[0])
    assert [*files.values()] == [str(picture), str(empty)]
    (label,) = labels["000000-astronaut"]
    face = verdicts[0].faces[0]
    left, top, width, height = label["bounding_box"]
    box = [512 * left, 512 * top, 512 * (left + width), 512 * (top + height)]
    assert box == pytest.approx(face.box, abs=0.1)
    assert label["label"] == face.status
    assert label["confidence"] == pytest.approx(face.score, abs=1e-6)
    assert labels["000002-no_face"] == []  # FiftyOne finds no sample with a dot in its name
    files, labels = read(written[1])
    people = [label for label in labels["000001-clip"] if label["label"] != "FAKE stretch"]
    for number, (label, person) in enumerate(zip(people, verdicts[1].tracks, strict=True), 1):
        assert label["timestamps"] == pytest.approx([person.start, person.end], abs=1e-3)
        assert label["attributes"] == {"person": number}


def test_forged_stretches_are_labels_of_their_own(tmp_path: Path) -> None:
    track = {
        "status": "FAKE", "score": 0.4, "start": 0.0, "end": 9.0,
        "forged": [{"start": 2.0, "end": 3.5, "peak": 0.97, "peak_time": 2.5}],
    }  # fmt: skip
    verdict = {"kind": "video", "path": "a/film.mp4", "tracks": [track]}
    (folder,) = write_fiftyone([verdict], tmp_path)
    files, labels = read(folder)
    assert files == {"000000-film": str(Path("a/film.mp4").absolute())}
    person, stretch = labels["000000-film"]
    assert (person["label"], person["confidence"], person["timestamps"]) == ("FAKE", 0.4, [0, 9])
    assert (stretch["label"], stretch["timestamps"]) == ("FAKE stretch", [2.0, 3.5])
    assert stretch["confidence"] == 0.97
