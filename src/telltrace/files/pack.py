"""A manifest and all its crops as one file, which reads like the folder that it was made of.

A hundred thousand small files are slow to open, to copy and to delete; one is not. Crops and
masks keep the very bytes they had. The file, all numbers little-endian::

    8 bytes   "telltrac"
    uint64    version, 1
    uint64    where the index begins, and how long it is
    ...       the crops and masks, one after another
    index     JSON: manifest (CSV), crop, entries (name, start, length, CRC-32)

A crop of ``faces.pack`` has the path ``faces.pack/NAME``, as if the pack were a folder, so that
every reader of manifests reads packs.
"""

import json
import mmap
import os
import struct
import zlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import ManifestError
from .atomic import atomic_write, check_disk_space

HEAD: Final = struct.Struct("<8sQQQ")
MAGIC: Final = b"telltrac"
VERSION: Final = 1
SUFFIX: Final = ".pack"
REMEDY: Final = "Copy it again, or write it with `telltrace pack`."


class Pack:
    """An open pack: the file is mapped into memory, and the system reads what is touched.

    A file that is no pack, or not all of one, is a ManifestError.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        with open(path, "rb") as file:  # noqa: PTH123
            head = file.read(HEAD.size).ljust(HEAD.size, b"\0")
            magic, version, at, size = HEAD.unpack(head)
            complete = at + size == os.fstat(file.fileno()).st_size
            for wrong, reason in (
                (magic != MAGIC, "is no pack"),
                (version != VERSION, f"is a pack of version {version}, not {VERSION}"),
                (not complete, "is not complete"),
            ):
                if wrong:
                    raise ManifestError(reason, remedy=REMEDY, path=path)
            self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        index: dict[str, Any] = json.loads(self.bytes[at : at + size])
        self.manifest_text: str = index["manifest"]
        self.crop: dict[str, Any] = index["crop"]
        self.entries: dict[str, tuple[int, int, int]] = {n: (*e,) for n, *e in index["entries"]}

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def read(self, name: str) -> NDArray[np.uint8]:
        """The bytes of one entry, (N,), not copied; a ManifestError if they were not written so."""
        start, length, check = self.entries[name]
        data = np.frombuffer(self.bytes, np.uint8)[start : start + length]
        if zlib.crc32(data.data) != check:
            raise ManifestError("is damaged", remedy=REMEDY, path=f"{self.path}/{name}")
        return data


def find_entry(path: str) -> tuple[Pack, str] | None:
    """The pack and the entry that a path leads to; None for an ordinary path."""
    before, found, name = path.partition(SUFFIX + "/")
    file = before + SUFFIX
    if not found or not os.path.isfile(file):  # noqa: PTH113
        return None
    state = os.stat(file)  # noqa: PTH116
    return _open(file, state.st_mtime_ns, state.st_size), name


@lru_cache(maxsize=16)
def _open(file: str, changed: int, size: int) -> Pack:
    return Pack(file)


def exists(path: str) -> bool:
    """Whether there is such a file, or such an entry of a pack."""
    entry = find_entry(path)
    return os.path.isfile(path) if entry is None else entry[1] in entry[0]  # noqa: PTH113


def read_bytes(path: str) -> NDArray[np.uint8]:
    """The bytes of a file or of an entry of a pack, (N,).

    One that cannot be read is an OSError, other bytes than were written are a ManifestError.
    """
    entry = find_entry(path)
    return np.fromfile(path, dtype=np.uint8) if entry is None else entry[0].read(entry[1])


def is_pack(path: str | Path) -> bool:
    """Whether this names a pack and not a manifest."""
    return str(path).endswith(SUFFIX)


def write_entries(out: Path, files: Mapping[str, str], index: Mapping[str, Any]) -> int:
    """Write files, each with its name in the pack, at once or not at all; the bytes are counted.

    A file may lie in a pack itself; one that is missing is a ManifestError. ``index`` is what else
    the pack says, as plain values. A disk without room is an OutputError.
    """
    check_disk_space(out, sum(entry_length(file) for file in files))
    entries: list[tuple[str, int, int, int]] = []
    with atomic_write(out) as partial, partial.open("wb") as pack:
        pack.write(bytes(HEAD.size))
        for file, name in files.items():
            data = read_bytes(file).tobytes()
            entries.append((name, pack.tell(), len(data), zlib.crc32(data)))
            pack.write(data)
        at = pack.tell()
        size = pack.write(json.dumps({**index, "entries": entries}).encode())
        pack.seek(0)
        pack.write(HEAD.pack(MAGIC, VERSION, at, size))
    return at + size


def entry_length(file: str) -> int:
    """Bytes of a file or of an entry of a pack; a ManifestError if it is missing."""
    entry = find_entry(file)
    try:
        return Path(file).stat().st_size if entry is None else entry[0].entries[entry[1]][1]
    except (OSError, KeyError):
        reason = "does not exist, but the manifest names it"
        raise ManifestError(reason, remedy="Run `telltrace prepare` again", path=file) from None
