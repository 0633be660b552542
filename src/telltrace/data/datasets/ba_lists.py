"""Ba et al.'s lists: ``label,folder,frames`` lines in train, val and test_real/fake.txt."""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ...errors import ManifestError
from ..manifest import COLUMNS, check_manifest
from .listing import read_lines, relocated
from .names import describe


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


def _entries(file: Path) -> list[tuple[str, str, int]]:
    """Of each line where it stands, the folder of one video's crops, and their number."""
    if not file.is_file():
        raise ManifestError("is not a file", remedy="Write it, or leave its split out", path=file)
    label = int(file.stem.endswith("_fake"))
    pattern = rf"{label}\s*,\s*(.+?)\s*,\s*(\d+)"
    lines = read_lines(
        file, pattern, f"{label},folder,frames", "Correct the line (0 is real, 1 is fake)"
    )
    return [(f"{file}: line {number}", match[1], int(match[2])) for number, match in lines]


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
