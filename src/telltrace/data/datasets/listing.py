"""How every layout looks at a folder: which files are media, and what to say without them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from ...errors import ManifestError
from ...evaluation.names import people_of
from ...files import read_json as _read_json
from ..manifest import check_manifest

VIDEOS: Final = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v"})
PICTURES: Final = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
SPLITS: Final = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""Splits by what folders, files and lists call them."""


def find_media(
    folder: Path, suffixes: frozenset[str] = VIDEOS, *, deep: bool = False
) -> list[Path]:
    """Files of these suffixes in a folder (``deep``: at any depth), none hidden, by path."""
    if not folder.is_dir():
        return []
    found = folder.rglob("*") if deep else folder.iterdir()
    named = (f for f in found if f.suffix.lower() in suffixes and not f.name.startswith("."))
    return sorted((f for f in named if f.is_file()), key=lambda file: file.as_posix())


def require_folder(root: str | Path, dataset: str, parts: Sequence[str]) -> Path:
    """The root of a data set; a ManifestError if not one of its parts is in it."""
    root = Path(root)
    if not any((root / part).exists() for part in parts):
        remedy = f"Give the folder that {dataset} was downloaded and unpacked to."
        raise ManifestError(f"holds none of {', '.join(parts)}", remedy=remedy, path=root)
    return root


def manifest_row(
    file: Path,
    dataset: str,
    method: str = "real",
    video: str | None = None,
    identity: str | None = None,
    **more: str | int,
) -> dict[str, Any]:
    """A row of a manifest: fake unless the method is "real".

    By default the video is named as its file, and its people by the rule of its data set.
    """
    video = file.stem if video is None else video
    people = people_of(dataset, video) if identity is None else identity
    about = {"path": str(file.absolute()), "dataset": dataset, "label": int(method != "real")}
    return about | {"method": method, "video": video, "identity": people} | more


@dataclass(frozen=True)
class FolderSet:
    """A set that has a folder for each of its methods; called with its root, it is listed.

    ``about`` gives what else `manifest_row` takes of a file, or None to leave the file out. A root
    without any of the folders is a ManifestError.
    """

    dataset: str
    methods: Mapping[str, str]
    suffixes: frozenset[str] = VIDEOS
    about: Callable[[Path], dict[str, str] | None] = lambda file: {}
    deep: bool = False

    def __call__(self, root: str | Path) -> pd.DataFrame:
        root = require_folder(root, self.dataset, list(self.methods))
        rows = [
            manifest_row(file, self.dataset, method, **more)
            for folder, method in self.methods.items()
            for file in find_media(root / folder, self.suffixes, deep=self.deep)
            if (more := self.about(file)) is not None
        ]
        return as_manifest(rows, root, self.dataset)


def read_lines(
    file: Path, pattern: str, expected: str, remedy: str
) -> Iterator[tuple[int, re.Match[str]]]:
    """Number and match of each line that is not empty; without match or file a ManifestError."""
    if not file.is_file():
        raise ManifestError("is not a file", remedy=remedy, path=file)
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if text := line.strip():
            match = re.fullmatch(pattern, text)
            if match is None:
                reason = f"line {number}: expected {expected}, got {text!r}"
                raise ManifestError(reason, remedy=remedy, path=file)
            yield number, match


def read_json(file: Path, dataset: str) -> Any:
    """What a JSON file of a data set says; a ManifestError if it is missing or broken."""
    remedy = f"Download it again; it is part of {dataset}"
    if not file.is_file():
        raise ManifestError("is not a file", remedy=remedy, path=file)
    return _read_json(file, remedy)


def as_manifest(rows: Sequence[dict[str, Any]], root: Path, dataset: str) -> pd.DataFrame:
    """Rows as a checked manifest; a ManifestError if there is none."""
    if not rows:
        remedy = "Give the folder that its archives were unpacked to."
        raise ManifestError(f"holds no media of {dataset}", remedy=remedy, path=root)
    table = pd.DataFrame(rows)
    table.attrs["file"] = str(root)
    return check_manifest(table)
