"""How every layout looks at a folder: which files are media, and what to say without them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from ...errors import ManifestError
from ..manifest import COLUMNS, check_manifest

VIDEOS: Final = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v"})
PICTURES: Final = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})


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
    """The root of a data set, if at least one of its parts is in it.

    Raises:
        FileNotFoundError: Naming the parts that were looked for.
    """
    root = Path(root)
    if not any((root / part).exists() for part in parts):
        raise FileNotFoundError(
            f"{root}: holds none of {', '.join(parts)}. Give the folder that {dataset} was "
            "downloaded and unpacked to."
        )
    return root


def read_json(file: Path, dataset: str) -> Any:
    """What a JSON file of a data set says.

    Raises:
        ManifestError: If it is missing or broken.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        remedy = f"Download it; it is part of {dataset}"
        raise ManifestError("is not a file", remedy=remedy, path=file) from None
    except ValueError as error:
        remedy = "Download it again"
        raise ManifestError(f"is no readable JSON ({error})", remedy=remedy, path=file) from None


def as_manifest(rows: Sequence[dict[str, Any]], root: Path, dataset: str) -> pd.DataFrame:
    """Rows as a checked manifest.

    Raises:
        FileNotFoundError: If there is none.
    """
    if not rows:
        raise FileNotFoundError(
            f"{root}: holds no media of {dataset}. Give the folder that its archives were "
            "unpacked to."
        )
    columns = [column for column in COLUMNS if column in rows[0]]
    table = pd.DataFrame(rows, columns=columns)
    table.attrs["file"] = str(root)
    return check_manifest(table)
