from collections.abc import Callable
from pathlib import Path

import pytest

from telltrace.faces.packets import Extent, promised_extent


@pytest.mark.parametrize(
    ("container", "codec"), [("mp4", "libx264"), ("matroska", "mpeg4"), ("avi", "mpeg4")]
)
def test_a_whole_file_is_as_long_as_it_says(
    tmp_path: Path, make_video: Callable[..., Path], container: str, codec: str
) -> None:
    path = make_video(tmp_path / "v", 6, container=container, codec=codec)
    size = path.stat().st_size
    assert promised_extent(path) == Extent(size)
    path.write_bytes(path.read_bytes()[: size - 5])
    assert promised_extent(path).end == size


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", Extent(None)),
        (b"plain text, nothing else", Extent(None)),
        (b"RIFF\0\0\0\0AVI LIST", Extent(None)),
        (b"\0\0\0\x10ftypisom\0\0\0\0", Extent(16, indexed=False)),
        (b"\0\0\0\x08moov\0\0\0\x01mdat\0\0\0\1\0\0\0\0", Extent(8 + 2**32)),
        (b"\0\0\0\x08moov\0\0\0\0mdat1234", Extent(16)),
        (b"\x1a\x45\xdf\xa3\x81\0\x18\x53\x80\x67\x84abc", Extent(15)),
        (b"\x1a\x45\xdf\xa3\x81\0\x18\x53\x80\x67\x01" + b"\xff" * 7, Extent(None)),
    ],
)
def test_by_hand(tmp_path: Path, content: bytes, expected: Extent) -> None:
    (tmp_path / "v").write_bytes(content)
    assert promised_extent(tmp_path / "v") == expected
