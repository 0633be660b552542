"""Ba et al.'s lists: ``label,folder,frames`` lines in train, val and test_real/fake.txt."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...errors import ManifestError, OptionError
from ..manifest import COLUMNS, check_manifest
from .crop_names import describe
from .listing import relocated

REAL_REPEATS: Final = {"FF++": 4, "DFDC-Preview": 4, "Celeb-DF-v2": 6, "DFDC": 5}
"""How often the published training shows each real face, by a part of the data set's name."""


def read_ba_lists(
    root: str | Path,
    *,
    name: str | None = None,
    splits: Sequence[str] = ("train", "val", "test"),
    relocate: tuple[str, str] | None = None,
) -> pd.DataFrame:
    """List the crops that the published lists name as a manifest, with their split.

    Each line names a folder, and every PNG in it is a crop of that video, whatever its name; the
    number in its name is its frame. The published code never reads the count of frames, so a
    folder that lost some goes unseen there; here it is an error.

    Args:
        root: Folder that holds train_real.txt, train_fake.txt and so on.
        name: Name for the manifest; by default that of the folder.
        splits: Which of "train", "val" and "test" to read.
        relocate: (old, new) beginning of the folders in the lists, which were written elsewhere.

    Raises:
        ManifestError: If a list or a folder is missing, a line is not ``label,folder,frames``,
            or a crop is listed twice.

    References:
        Ba et al., AAAI 2024, https://arxiv.org/abs/2403.01786.
    """
    lists = Path(root)
    dataset = name or lists.absolute().name
    rows = [
        row
        for split in splits
        for kind in ("real", "fake")
        for where, folder, frames in _entries(lists / f"{split}_{kind}.txt")
        for row in _crops(
            relocated(folder, relocate), frames, dataset, int(kind == "fake"), split, where
        )
    ]
    return check_manifest(pd.DataFrame(rows, columns=COLUMNS[:9]))


def real_repeats(dataset: str) -> int:
    """How often the published training shows each real face of a data set; 1 if not told.

    Examples:
        >>> real_repeats("FF++_c23"), real_repeats("DFDC-Preview"), real_repeats("Celeb-DF-v1")
        (4, 4, 1)
    """
    return next((times for part, times in REAL_REPEATS.items() if part in dataset), 1)


def oversampled_rows(manifest: pd.DataFrame, repeats: int) -> NDArray[np.int64]:
    """Positions of a manifest's rows in which every real face stands ``repeats`` times.

    Examples:
        >>> oversampled_rows(pd.DataFrame({"label": [0, 1]}), repeats=3)
        array([0, 0, 0, 1])
    """
    if repeats < 1:
        raise OptionError(f"repeats must be at least 1, got {repeats}.")
    times = np.where(manifest.label.to_numpy() == 0, repeats, 1)
    return np.repeat(np.arange(len(manifest)), times)


def _entries(file: Path) -> list[tuple[str, str, int]]:
    """Of each line where it stands, the folder of one video's crops, and their number."""
    if not file.is_file():
        raise ManifestError("is not a file", remedy="Write it, or leave its split out", path=file)
    label = int(file.stem.endswith("_fake"))
    entries = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        match = re.fullmatch(r"\s*([01])\s*,\s*(.+?)\s*,\s*(\d+)\s*", line)
        if match is None or int(match[1]) != label:
            raise ManifestError(
                f"line {number}: expected {label},folder,frames, got {line.strip()!r}",
                remedy="Correct the line (0 is real, 1 is fake)",
                path=file,
            )
        entries.append((f"{file}: line {number}", match[2], int(match[3])))
    return entries


def _crops(
    name: str, frames: int, dataset: str, label: int, split: str, where: str
) -> list[tuple[str | int, ...]]:
    """One row for each crop of a listed folder, by frame."""
    folder = Path(name).absolute()
    files = sorted(folder.glob("*.png"), key=lambda f: (_frame(f), f.name))
    if not files or len(files) != frames:
        raise ManifestError(
            f"{folder} holds {len(files)} PNG crops and not the {frames} listed",
            remedy="Extract its faces again, or say with relocate where the folders are",
            path=where,
        )
    about = (dataset, label, *describe(name, label), split)
    return [(str(file), *about, _frame(file)) for file in files]


def _frame(file: Path) -> int:
    """The last number in a crop's name, -1 if there is none."""
    numbers = re.findall(r"\d+", file.stem)
    return int(numbers[-1]) if numbers else -1
