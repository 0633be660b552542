"""The files that a scan is asked for."""

from collections.abc import Iterable
from pathlib import Path


def find_media(paths: Iterable[Path]) -> list[Path]:
    """Files as they are named, folders as all files below them in a fixed order.

    Raises:
        ValueError: If a path does not exist, or a folder holds no file; the message names it.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if not p.is_dir() and not _hidden(p, path))
            if not inside:
                raise ValueError(f"{path}: the folder holds no file. Name a folder with media.")
            found += inside
        elif path.exists() or path.is_symlink():
            found.append(path)
        else:
            raise ValueError(f"{path}: no such file or folder. Check the spelling.")
    return found


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)
