"""Malformed metadata is a finding, never a crash: a small part of benchmarks/scan_fuzz.py."""

import struct
import time
import zlib
from pathlib import Path
from typing import Any

import pytest

from telltrace.evidence.provenance import read_provenance
from telltrace.evidence.reading import LIMIT, guarded


def test_two_hundred_files_with_damaged_metadata_are_read(material: Any, tmp_path: Path) -> None:
    media, path, named = material.sound_media(tmp_path), tmp_path / "damaged", 0
    for number in range(200):
        _, data = material.damaged(media, number, seed=1)
        path.write_bytes(data)
        named += any(one.kind.startswith("metadata.") for one in read_provenance(path))
    assert named >= 20


def png_with(chunk: bytes, content: bytes, plain: bytes) -> bytes:
    data = struct.pack(">I", len(content)) + chunk + content
    data += struct.pack(">I", zlib.crc32(chunk + content))
    return plain[:-12] + data + plain[-12:]


@pytest.mark.parametrize(
    ("chunk", "content"),
    [
        (b"zTXt", b"parameters\0\0" + zlib.compress(bytes(200 * LIMIT))),
        (b"tEXt", b"parameters\0" + b"x" * (LIMIT + 1)),
    ],
)
def test_text_that_unpacks_to_too_much_is_passed_over(
    chunk: bytes, content: bytes, material: Any, tmp_path: Path, told: Any
) -> None:
    plain = tmp_path / "plain.png"
    material.Image.fromarray(material.landscape(1)).save(plain)
    path = tmp_path / "a.png"
    path.write_bytes(png_with(chunk, content, plain.read_bytes()))
    started = time.process_time()
    found = read_provenance(path)
    assert told(found, "metadata.unread")
    assert time.process_time() - started < 1


@pytest.mark.parametrize("entries", [b"\x00\x00\x00\x01elst", b"\xff\xff\xff\xffelst"])
def test_a_box_that_ends_outside_is_named(
    entries: bytes, material: Any, tmp_path: Path, told: Any
) -> None:
    path = material.write_video(tmp_path / "a.mp4")
    data = path.read_bytes()
    at = data.index(b"elst")
    path.write_bytes(data[: at - 4] + entries + data[at + 4 :])
    (damage,) = told(read_provenance(path), "metadata.damaged")
    assert damage.startswith("index: ")


def test_empty_short_and_foreign_files_have_no_findings(tmp_path: Path) -> None:
    for number, data in enumerate((b"", b"\x89", b"%PDF-1.7 no picture", bytes(100))):
        (tmp_path / str(number)).write_bytes(data)
        assert read_provenance(tmp_path / str(number)) == ()


def test_what_was_found_before_the_damage_stays() -> None:
    from telltrace.evidence.findings import finding

    def reader() -> Any:
        yield finding("software.tag", "one")
        raise KeyError("two")

    assert [one.kind for one in guarded("x", reader)] == ["software.tag", "metadata.damaged"]
