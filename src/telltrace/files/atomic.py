"""Files written whole or not at all, and what identifies them."""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..errors import DependencyError, ManifestError, OutputError

if TYPE_CHECKING:
    import pandas as pd

REMEDY: Final = "Make room there or choose another place; what was there before is untouched."


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Give an empty file beside ``path`` that takes the place of ``path`` when the block ends.

    If the block raises, ``path`` stays as it was. Its folder is made where it is missing, and a
    link stays one. A file that cannot be written is an OutputError, as is a name that a folder, a
    pipe or a device has.
    """
    path = Path(path)
    _refuse_other_kinds(path)
    place = Path(os.path.realpath(path)) if path.is_symlink() else path
    partial = place.with_name(f".{place.name[:50]}.{secrets.token_hex(4)}.partial")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.touch()
        mode = partial.stat().st_mode
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.chmod(mode)  # whoever filled it may have made it private
        partial.replace(place)
    except OutputError:
        raise
    except OSError as error:
        if error.filename is not None and not partial.is_relative_to(error.filename):
            raise  # another file, which the block reads
        reason = f"cannot be written ({error.strerror or error})"
        raise OutputError(reason, remedy=REMEDY, path=path) from None
    finally:
        if os.path.lexists(partial):
            partial.unlink()


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, as `sha256sum` prints it."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def text_sha256(text: str) -> str:
    """SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def json_sha256(value: Any) -> str:
    """SHA-256 of plain values; the order of keys does not count."""
    return text_sha256(json.dumps(value, sort_keys=True))


def write_bytes(content: bytes, path: str | Path) -> None:
    """Write a file atomically."""
    with atomic_write(path) as partial:
        partial.write_bytes(content)


def write_json(value: Any, path: str | Path) -> None:
    """Write plain values as indented JSON, atomically."""
    write_bytes(f"{json.dumps(value, indent=2)}\n".encode(), path)


def read_json(path: str | Path, remedy: str = "Make it again.") -> Any:
    """What a JSON file holds; a ManifestError if it is damaged, an OSError if it is missing."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"is no readable JSON ({error})", remedy=remedy, path=path) from None


def write_table(table: "pd.DataFrame", path: str | Path) -> None:
    """Write a table without its index, atomically, as its name says: Parquet, or else CSV.

    Parquet without pyarrow is a DependencyError.
    """
    parquet = _is_parquet(Path(path))
    with atomic_write(path) as partial:
        if parquet:
            table.to_parquet(partial, index=False)
        else:
            table.to_csv(partial, index=False, lineterminator="\n", encoding="utf-8")


def check_table(path: Path) -> None:
    """Refuse, by a TelltraceError, a table that could not be written, before it is computed."""
    check_output(path, ".csv", ".parquet")
    _is_parquet(path)


def _is_parquet(path: Path) -> bool:
    """Whether a table is written as Parquet; a DependencyError where it cannot be."""
    if path.suffix.lower() != ".parquet":
        return False
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise DependencyError("takes pyarrow", extra="parquet", path=path) from None
    return True


def check_output(path: Path, *suffixes: str) -> None:
    """Refuse, by an OutputError, a file that could not be written, before it is computed.

    Its name must end in one of the suffixes, if any are given; it may be an existing file, which
    will be replaced, and nothing else that exists.
    """
    if suffixes and path.suffix.lower() not in suffixes:
        remedy = f"Give a name that ends in {' or '.join(suffixes)}."
        raise OutputError("is written in another format", remedy=remedy, path=path)
    _refuse_other_kinds(path)
    _check_place(path.parent, path)


def check_folder(path: Path) -> None:
    """Refuse, by an OutputError, a folder that cannot be made or takes no files."""
    _check_place(path, path)


def _check_place(folder: Path, path: Path) -> None:
    there = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        why = f"you may not write to {there}" if there.is_dir() else f"{there} is no folder"
        raise OutputError(f"cannot be written ({why})", remedy="Choose another place.", path=path)


def _refuse_other_kinds(path: Path) -> None:
    if path.exists() and not path.is_file():  # a device would be replaced by a file
        what = "is a folder" if path.is_dir() else "is a pipe or a device"
        raise OutputError(what, remedy="Give the name of a file to write.", path=path)


def check_disk_space(path: Path, needed: int) -> None:
    """Refuse, by an OutputError, to begin a file of so many bytes that the disk cannot take."""
    _check_place(path.parent, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        reason = f"needs {needed / 2**20:.0f} MiB, the disk has {free / 2**20:.0f} MiB left"
        raise OutputError(reason, remedy=REMEDY, path=path)
