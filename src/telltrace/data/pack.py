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

import io
import json
import mmap
import os
import struct
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import ManifestError
from ..faces.align import FaceCrop
from ..files import atomic_write, check_disk_space
from .manifest import check_manifest, source_of

HEAD: Final = struct.Struct("<8sQQQ")
MAGIC: Final = b"telltrac"
VERSION: Final = 1
SUFFIX: Final = ".pack"


class Pack:
    """An open pack: the file is mapped into memory, and the system reads what is touched.

    Raises:
        ValueError: If the file is no pack, or not all of one.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        with open(path, "rb") as file:  # noqa: PTH123
            head = file.read(HEAD.size)
            length = os.fstat(file.fileno()).st_size
            if len(head) < HEAD.size or not head.startswith(MAGIC):
                raise ValueError(f"{path}: is no pack. Write it with `telltrace pack`.")
            _, version, at, size = HEAD.unpack(head)
            if version != VERSION:
                raise ValueError(f"{path}: is a pack of version {version}, not {VERSION}.")
            if at + size != length:
                raise ValueError(f"{path}: is not complete. Write it again with `telltrace pack`.")
            self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        index: dict[str, Any] = json.loads(self.bytes[at : at + size])
        self.manifest_text: str = index["manifest"]
        self.crop = FaceCrop.from_dict(index["crop"])
        self.entries: dict[str, tuple[int, int, int]] = {
            n: (a, b, c) for n, a, b, c in index["entries"]
        }

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def read(self, name: str) -> NDArray[np.uint8]:
        """The bytes of one entry, (N,), without copying them.

        Raises:
            ValueError: If they are not those that were written.
        """
        start, length, check = self.entries[name]
        data = (
            np.frombuffer(self.bytes, np.uint8, length, start) if length else np.empty(0, np.uint8)
        )
        if zlib.crc32(data.data) != check:
            raise ValueError(f"{self.path}/{name}: is damaged. Copy or write the pack again.")
        return data


def find_entry(path: str) -> tuple[Pack, str] | None:
    """The pack and the entry that a path leads to; None for an ordinary path."""
    before, found, name = path.partition(SUFFIX + "/")
    if not found:
        return None
    file = before + SUFFIX
    if not os.path.isfile(file):  # noqa: PTH113
        return None
    state = os.stat(file)  # noqa: PTH116
    return _open(file, state.st_mtime_ns, state.st_size), name


@lru_cache(maxsize=16)
def _open(file: str, changed: int, size: int) -> Pack:
    return Pack(file)


def is_pack(path: str | Path) -> bool:
    """Whether this names a pack and not a manifest."""
    return str(path).endswith(SUFFIX)


def read_pack(path: str | Path) -> tuple[pd.DataFrame, FaceCrop]:
    """The manifest in a pack, with paths into the pack, and how its crops were cut.

    Raises:
        ManifestError: If the file is missing.
        ValueError: If it is no complete pack.
    """
    file = os.path.abspath(path)  # noqa: PTH100
    found = find_entry(file + "/")
    if found is None:
        raise ManifestError("is not a file", remedy="Write it with `telltrace pack`", path=file)
    pack = found[0]
    table = pd.read_csv(io.StringIO(pack.manifest_text), dtype=str, keep_default_na=False)
    for column in ("path", "mask"):
        table[column] = [name and f"{file}/{name}" for name in table[column]]
    table.attrs["file"] = file
    return check_manifest(table), pack.crop


def write_pack(manifest: pd.DataFrame, crop: FaceCrop, out: str | Path) -> int:
    """Write a manifest with its crops and masks as one file, at once or not at all.

    Args:
        manifest: Rows of face crops, paths absolute.
        crop: How they were cut.
        out: File to write, named ``*.pack``.

    Returns:
        Bytes written.

    Raises:
        ValueError: If the name is another, or a crop is missing.
        OutputError: If the disk has no room; nothing is overwritten then.
    """
    out = Path(out).absolute()
    if not is_pack(out):
        raise ValueError(f"{out}: a pack's name must end in {SUFFIX}, so that readers know it.")
    table = check_manifest(manifest)
    files = [*table.path, *(mask for mask in table["mask"] if mask)]
    lengths = [_length(file, source_of(table)) for file in files]
    root = os.path.commonpath([os.path.dirname(os.path.abspath(file)) for file in files])  # noqa: PTH100, PTH120
    names = {file: Path(os.path.relpath(file, root)).as_posix() for file in files}
    for column in ("path", "mask"):
        table[column] = [file and names[file] for file in table[column]]
    index = {"manifest": table.to_csv(index=False, lineterminator="\n"), "crop": crop.to_dict()}
    check_disk_space(out, sum(lengths))
    return _write(out, names, index)


def _write(out: Path, names: dict[str, str], index: dict[str, Any]) -> int:
    entries: list[tuple[str, int, int, int]] = []
    with atomic_write(out) as partial, partial.open("wb") as pack:
        pack.write(bytes(HEAD.size))
        for file, name in names.items():
            data = _source(file)
            entries.append((name, pack.tell(), len(data), zlib.crc32(data)))
            pack.write(data)
        at = pack.tell()
        size = pack.write(json.dumps({**index, "entries": entries}).encode())
        pack.seek(0)
        pack.write(HEAD.pack(MAGIC, VERSION, at, size))
    return at + size


def _source(file: str) -> bytes:
    entry = find_entry(file)  # a pack can be packed again, with fewer rows for instance
    return Path(file).read_bytes() if entry is None else entry[0].read(entry[1]).tobytes()


def _length(file: str, source: str) -> int:
    entry = find_entry(file)
    if entry is not None:
        return entry[0].entries[entry[1]][1]
    try:
        return os.stat(file).st_size  # noqa: PTH116
    except OSError:
        raise ValueError(
            f"{file}: does not exist, but {source} names it. Run `telltrace prepare` again."
        ) from None
