"""The SFIConv code's lists: text files of ``path label`` lines, one face picture each."""

from pathlib import Path
from typing import Final

import pandas as pd

from ...errors import ManifestError
from ..manifest import COLUMNS, check_manifest
from .listing import read_lines, relocated
from .names import describe_crop

LISTS: Final = {"train": ("train",), "val": ("val", "valid"), "test": ("test",)}


def read_sficonv_lists(
    root: str | Path,
    *,
    name: str | None = None,
    splits: tuple[str, ...] | list[str] = (),
    relocate: tuple[str, str] | None = None,
) -> pd.DataFrame:
    """List the face crops of such a file, or of train.txt, val.txt and test.txt in a folder.

    Args:
        root: The list, or the folder that holds the lists of the splits. Paths in a list that are
            not absolute start at its folder.
        name: Name of the data set; by default that of the file or folder.
        splits: Folders only: which of "train", "val" and "test" to read; by default all there.
        relocate: (old, new) beginning of the paths, which were written elsewhere.

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
        for row in _read(file, name or root.absolute().stem, split, relocate)
    ]
    table = pd.DataFrame(rows, columns=COLUMNS[:9])
    table.attrs["file"] = str(root)
    return check_manifest(table)


def _lists(root: Path, splits: tuple[str, ...] | list[str]) -> dict[str, Path]:
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


def _read(
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
