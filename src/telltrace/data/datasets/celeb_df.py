"""Celeb-DF, versions 1 and 2: three folders of videos and the official list of test videos."""

from pathlib import Path
from typing import Final, Literal

import pandas as pd

from ...errors import ManifestError
from .listing import list_folders, read_lines, require_folder

METHODS: Final = {
    "Celeb-real": "real",
    "YouTube-real": "real",
    "Celeb-synthesis": "Celeb-synthesis",
}
"""The method of each folder."""
TEST_LIST: Final = "List_of_testing_videos.txt"


def read_celeb_df_v1(root: str | Path) -> pd.DataFrame:
    """List Celeb-DF (v1); see `read_celeb_df_v2`."""
    return _read(root, "v1")


def read_celeb_df_v2(root: str | Path) -> pd.DataFrame:
    """List the videos of Celeb-DF (v2) as a manifest.

    The root holds ``Celeb-real/``, ``YouTube-real/``, ``Celeb-synthesis/`` and the official list
    ``List_of_testing_videos.txt``, in which 1 is real and 0 is fake. A fake named ``id0_id16_0003``
    is video ``id0_0003`` with the face of ``id16``; both are its identities. Videos of the list get
    the split "test", all others none: the list parts videos and not people, so whoever trains on
    the rest has seen the people of the test.

    Raises:
        ManifestError: If the layout or the list is missing, or the list names a video that is
            not there or calls a real video fake.

    References:
        Li et al., "Celeb-DF: A Large-scale Challenging Dataset for DeepFake Forensics", CVPR 2020.
    """
    return _read(root, "v2")


def _read(root: str | Path, version: Literal["v1", "v2"]) -> pd.DataFrame:
    dataset = f"Celeb-DF-{version}"
    root = require_folder(root, dataset, list(METHODS))
    test = _test_videos(root / TEST_LIST)

    def split(file: Path) -> dict[str, str]:
        return {"split": "test" * (f"{file.parent.name}/{file.name}" in test)}

    table = list_folders(root, dataset, METHODS, about=split)
    missing = sorted(name for name in test if not (root / name).is_file())
    if missing:
        raise ManifestError(
            f"names {missing[0]} and {len(missing) - 1} more videos that are not there",
            remedy="Unpack the data set again, or delete their lines",
            path=root / TEST_LIST,
        )
    return table


def _test_videos(file: Path) -> set[str]:
    """Folder and name of every official test video."""
    if not file.is_file():
        remedy = "Copy it from the data set's archive"
        raise ManifestError("is not a file", remedy=remedy, path=file)
    remedy = "Copy the list from the archive again"
    pattern = rf"([01])\s+(({'|'.join(METHODS)})/\S+)"
    names = set()
    for number, match in read_lines(file, pattern, "LABEL FOLDER/VIDEO", remedy):
        if (match[1] == "1") != (METHODS[match[3]] == "real"):
            reason = f"line {number}: {match[1]} contradicts {match[2]} (in this list 1 is real)"
            raise ManifestError(reason, remedy=remedy, path=file)
        names.add(match[2])
    return names
