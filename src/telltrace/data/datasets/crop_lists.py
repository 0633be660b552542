"""Lists of face crops that published code reads: Ba et al.'s by folder, SFIConv's by picture."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from ...errors import ManifestError
from ..manifest import COLUMNS, check_manifest
from .listing import read_lines, relocated
from .names import describe, describe_crop

LISTS: Final = {"train": ("train",), "val": ("val", "valid"), "test": ("test",)}


def read_ba_lists(
    root: str | Path,
    *,
    name: str | None = None,
    splits: Sequence[str] = ("train", "val", "test"),
    relocate: tuple[str, str] | None = None,
) -> pd.DataFrame:
    """List the crops that the published lists name as a manifest, with their split.

    The root holds train_real.txt, train_fake.txt and so on. Each line names a folder, and every PNG
    in it is a crop of that video, whatever its name; the number in its name is its frame. The
    published code never reads the count of frames, so a folder that lost some goes unseen there;
    here it is an error.

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


def read_sficonv_lists(
    root: str | Path,
    *,
    name: str | None = None,
    splits: Sequence[str] = (),
    relocate: tuple[str, str] | None = None,
) -> pd.DataFrame:
    """List the crops of a text file of ``path label`` lines, or of those of the splits in a folder.

    These are train.txt, val.txt and test.txt. Paths that are not absolute start at their list's
    folder.

    Raises:
        ManifestError: If a list is missing, a line is not ``path label``, a picture is not there
            or is listed twice.

    References:
        Guo et al., TIFS 2024, the released code's data reader.
    """
    root = Path(root)
    files = {"": root} if root.is_file() else _lists(root, splits)
    rows = [
        row
        for split, file in files.items()
        for row in _pictures(file, name or root.absolute().stem, split, relocate)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS[:9])
    table.attrs["file"] = str(root)
    return check_manifest(table)


def _lists(root: Path, splits: Sequence[str]) -> dict[str, Path]:
    found = {
        split: root / f"{stem}.txt"
        for split, stems in LISTS.items()
        for stem in stems
        if (root / f"{stem}.txt").is_file()
    }
    missing = [split for split in splits if split not in found]
    if missing or not found:
        file = root / f"{(missing or ['train'])[0]}.txt"
        remedy = "Give a list, or a folder with its lists"
        raise ManifestError("is not a file", remedy=remedy, path=file)
    return {split: found[split] for split in splits or found}


def _pictures(
    file: Path, dataset: str, split: str, relocate: tuple[str, str] | None
) -> list[tuple[str | int, ...]]:
    rows: list[tuple[str | int, ...]] = []
    correct = "Correct the line (the label is 0 or 1)"
    for number, match in read_lines(file, "(.+) ([01])", "PATH LABEL", correct):
        path, label = relocated(match[1], relocate), int(match[2])
        picture = file.parent.absolute() / path.strip()
        if not picture.is_file():
            reason = f"line {number}: {picture} is not there"
            remedy = "Say where the pictures are now with relocate (old and new beginning)"
            raise ManifestError(reason, remedy=remedy, path=file)
        *about, frame = describe_crop(path, label)
        rows.append((str(picture), dataset, label, *about, split, frame))
    return rows
