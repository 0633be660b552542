"""What a scan waits for at a time."""

from pathlib import Path

import numpy as np
import pytest

from telltrace.faces.media import Frame
from telltrace.inference.stopwatch import SHORT, Stopwatch


@pytest.mark.parametrize(("seconds", "expected"), [(5.0, [SHORT] * 5 + [1]), (0.5, [8, 3])])
def test_frames_far_apart_come_a_few_at_a_time(seconds: float, expected: list[int]) -> None:
    tiny = np.zeros((4, 4, 3), np.uint8)
    frames = [Frame(tiny, index, index * seconds) for index in range(11)]
    told: list[tuple[int, int]] = []
    watch = Stopwatch(Path("a.mp4"), None, lambda *said: told.append(said))
    chunks = list(watch.chunks(frames, 8, 11))  # type: ignore[arg-type]
    assert [len(chunk) for chunk in chunks] == expected
    assert [frame.index for chunk in chunks for frame in chunk] == list(range(11))
    assert told == [(count, 11) for count in range(1, 12)]
