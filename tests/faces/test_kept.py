"""Pictures that one pass over a video decoded are not decoded again for the next."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from telltrace.faces import video as reading
from telltrace.faces.media import Frame, Frames, Sampling, without
from telltrace.faces.reader import open_media


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """Of each pass that decodes, the positions it is for."""
    asked: list[list[int]] = []
    pictures = reading._Pass.pictures

    def count(self: reading._Pass) -> object:
        asked.append(self.chosen.tolist())
        return pictures(self)

    monkeypatch.setattr(reading._Pass, "pictures", count)
    return asked


def looks(path: Path, later: tuple[Sampling, ...]) -> tuple[list[Frame], Frames]:
    """Frames of two passes, and the second."""
    first = open_media(path, Sampling("spread", 4), later=later)
    seen = list(first)
    assert first.again is not None
    second = first.again(without([frame.index for frame in seen], Sampling("spread", 12)))
    return seen + list(second), second


def check(found: list[Frame], path: Path) -> None:
    alone = {frame.index: frame for frame in open_media(path, Sampling("all"))}
    assert sorted(frame.index for frame in found) == list(range(2, 48, 4))
    for frame in found:
        np.testing.assert_array_equal(frame.image, alone[frame.index].image)
        assert frame.time == alone[frame.index].time


def test_a_later_pass_decodes_what_the_first_did_not_come_by(
    video: Path, passes: list[list[int]]
) -> None:
    found, second = looks(video, (Sampling("spread", 12),))
    assert passes == [[6, 18, 30, 42], [10, 22, 34, 46]]  # each behind a frame that was chosen
    assert (second.read, second.lost) == (8, 0)
    check(found, video)


def test_nothing_is_kept_beyond_the_limit(
    video: Path, passes: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "KEPT", 12 * 64 * 48 * 1.5 - 1)
    found, _ = looks(video, (Sampling("spread", 12), Sampling("spread", 4)))
    assert passes[1] == [2, 10, 14, 22, 26, 34, 38, 46]
    check(found, video)


def test_of_a_damaged_file_each_pass_decodes_and_counts_by_itself(
    tmp_path: Path, make_video: Callable[..., Path], passes: list[list[int]]
) -> None:
    path = make_video(tmp_path / "v.mov", codec="mjpeg", container="mov")
    with av.open(str(path)) as file:
        [(start, size)] = [(p.pos, p.size) for p in file.demux(video=0) if p.pts == 18 * 512]
    content = bytearray(path.read_bytes())
    content[start : start + size] = bytes(size)
    path.write_bytes(content)
    found, second = looks(path, (Sampling("spread", 12),))
    assert passes == [[6, 18, 30, 42], [2, 10, 14, 18, 22, 26, 34, 38, 46]]
    assert ([frame.index for frame in found][:4], second.lost) == ([6, 19, 30, 42], 1)
