"""Celeb-DF, versions 1 and 2: three folders of videos and the official list of test videos."""

import re
from pathlib import Path
from typing import Final, Literal

import pandas as pd

from ...errors import ManifestError
from .listing import as_manifest, find_media, require_folder
from .names import people_of

FOLDERS: Final = {"Celeb-real": 0, "YouTube-real": 0, "Celeb-synthesis": 1}
TEST_LIST: Final = "List_of_testing_videos.txt"


def read_celeb_df_v1(root: str | Path) -> pd.DataFrame:
    """List Celeb-DF (v1); see `read_celeb_df_v2`."""
    return _read(root, "v1")


def read_celeb_df_v2(root: str | Path) -> pd.DataFrame:
    """List the videos of Celeb-DF (v2) as a manifest.

    A fake named ``id0_id16_0003`` is video ``id0_0003`` with the face of ``id16``; both are its
    identities. Videos of the official list get the split "test", all others none: the list parts
    videos and not people, so whoever trains on the rest has seen the people of the test.

    Args:
        root: Folder that holds ``Celeb-real/``, ``YouTube-real/``, ``Celeb-synthesis/`` and
            ``List_of_testing_videos.txt``. In that list 1 is real and 0 is fake.

    Raises:
        FileNotFoundError: If the layout is not there.
        ManifestError: If the list is missing, names a video that is not there, or calls a real
            video fake.

    References:
        Li et al., "Celeb-DF: A Large-scale Challenging Dataset for DeepFake Forensics", CVPR 2020.
    """
    return _read(root, "v2")


def _read(root: str | Path, version: Literal["v1", "v2"]) -> pd.DataFrame:
    dataset = f"Celeb-DF-{version}"
    root = require_folder(root, dataset, list(FOLDERS))
    test = _test_videos(root / TEST_LIST)
    rows = [
        {
            "path": str(file.absolute()),
            "dataset": dataset,
            "label": label,
            "method": folder if label else "real",
            "video": file.stem,
            "identity": people_of(dataset, file.stem),
            "split": "test" if f"{folder}/{file.name}" in test else "",
        }
        for folder, label in FOLDERS.items()
        for file in find_media(root / folder)
    ]
    missing = sorted(name for name in test if not (root / name).is_file())
    if missing and rows:
        raise ManifestError(
            f"names {missing[0]} and {len(missing) - 1} more videos that are not there",
            remedy="Unpack the data set again, or delete their lines",
            path=root / TEST_LIST,
        )
    return as_manifest(rows, root, dataset)


def _test_videos(file: Path) -> set[str]:
    """Folder and name of every official test video."""
    if not file.is_file():
        raise ManifestError(
            "is not a file", remedy="Copy it from the data set's archive", path=file
        )
    names = set()
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        match = re.fullmatch(r"([01])\s+(\S+/\S+)", line.strip())
        if line.strip() and (match is None or match[2].split("/")[0] not in FOLDERS):
            reason = f"line {number}: expected LABEL FOLDER/VIDEO, got {line.strip()!r}"
            raise ManifestError(reason, remedy="Copy the list from the archive again", path=file)
        if match is None:
            continue
        if int(match[1]) == FOLDERS[match[2].split("/")[0]]:
            reason = f"line {number}: {match[1]} contradicts {match[2]} (in this list 1 is real)"
            raise ManifestError(reason, remedy="Copy the list from the archive again", path=file)
        names.add(match[2])
    return names
