"""Verdicts as data sets of FiftyOne: pictures with boxes of faces, videos with stretches of time.

The folders are what FiftyOne's FiftyOneImageDetectionDataset and FiftyOneTemporalDetectionDataset
read when told ``data_path="data.json"``: ``labels.json`` has labels by the name of a sample,
``data.json`` the samples' files, which are not copied.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from telltrace.files import write_json

FOLDERS = {"image": "pictures", "video": "videos"}
"""Where each kind of media goes, below the folder that is given."""


def write_fiftyone(verdicts: Iterable[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Write verdicts, as `Verdict.to_dict` gives them, and give back the folders written.

    Files that are no media have no kind and are left out; those in which nobody was judged are
    samples without labels. An OutputError if the folder cannot be written.
    """
    found: dict[str, dict[str, tuple[str, list[dict[str, Any]]]]] = {}
    for number, verdict in enumerate(verdicts):
        if kind := verdict["kind"]:
            name = Path(verdict["path"]).stem.replace(".", "_")  # FiftyOne cuts what follows a dot
            sample = f"{number:06d}-{name}"
            describe = _faces if kind == "image" else _stretches
            path = str(Path(verdict["path"]).absolute())
            found.setdefault(kind, {})[sample] = path, describe(verdict)
    written = []
    for kind, samples in found.items():
        place = folder / FOLDERS[kind]
        write_json({name: path for name, (path, _) in samples.items()}, place / "data.json")
        labels = {name: labels for name, (_, labels) in samples.items()}
        write_json({"labels": labels}, place / "labels.json")
        written.append(place)
    return written


def _faces(verdict: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each face of a picture; boxes are left, top, width, height in shares of its sides."""
    width, height = verdict["size"]
    labels = []
    for person, track in enumerate(verdict["tracks"], 1):
        for face in track["faces"]:
            left, top, right, bottom = face["box"]
            box = [left / width, top / height, (right - left) / width, (bottom - top) / height]
            labels.append({"bounding_box": box} | _said(person, face["status"], face["score"]))
    return labels


def _stretches(verdict: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each person of a video, from the first look to the last, and the seconds that look forged."""
    labels = []
    for person, track in enumerate(verdict["tracks"], 1):
        said = _said(person, track["status"], track["score"])
        labels.append({"timestamps": [track["start"], track["end"]]} | said)
        for span in track["forged"]:
            said = _said(person, "FAKE stretch", span["peak"])
            labels.append({"timestamps": [span["start"], span["end"]]} | said)
    return labels


def _said(person: int, label: str, score: float | None) -> dict[str, Any]:
    """A label of one person; the confidence is the score, whatever the label."""
    said = {"label": label, "attributes": {"person": person}}
    return said if score is None else said | {"confidence": score}
