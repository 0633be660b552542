"""A clip shows the seconds that were asked for, boxes that move, and no map without a score."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from telltrace import cli
from telltrace.faces.detect import FaceDetector
from telltrace.faces.media import Status
from telltrace.inference import FaceVerdict, Scanner
from telltrace.inference import clip as clips
from telltrace.inference.places import PlaceMap

from .test_places import red_places


def look(time: float, left: float, score: float | None = 0.5) -> FaceVerdict:
    area = ((left, 0.0), (left + 8, 0.0), (left + 8, 8.0), (left, 8.0))
    known = None if score is None else PlaceMap(1, 1, b"\7", area)
    box = left, 0.0, left + 8, 8.0
    status = Status.FACE_TOO_SMALL if score is None else Status.REAL
    return FaceVerdict(
        status=status,
        score=score,
        frame=round(25 * time),
        time=time,
        box=box,
        confidence=1,
        map=known,
    )


def test_boxes_and_maps_move_evenly_between_two_looks() -> None:
    faces = [look(1.0, 0), look(1.08, 8), look(2.0, 90)]
    middle = clips._face_at(faces, 1.04)
    assert middle is not None
    assert middle.map is not None
    assert middle.box == pytest.approx((4, 0, 12, 8))
    assert np.array(middle.map.corners)[:, 0].tolist() == pytest.approx([4, 12, 12, 4])
    assert clips._face_at(faces, 0.96) is None
    still = clips._face_at(faces, 1.12)
    assert still is not None
    assert still.box == (8, 0, 16, 8)  # the next look is too far away to move there
    assert clips._face_at(faces, 1.5) is None


def test_a_face_without_a_score_gets_no_map() -> None:
    found = clips._face_at([look(1.0, 0, None), look(1.08, 8, None)], 1.04)
    assert found is not None
    assert (found.score, found.map) == (None, None)


def test_a_clip_is_h264_of_the_video_with_the_map_in_it(
    clip: Path, detector: FaceDetector, tmp_path: Path
) -> None:
    scanner = Scanner(red_places(), face_detector=detector, sample="spread", frames=3)
    verdict, told = scanner.scan(clip), list[int]()
    out = tmp_path / "out" / "clip.mp4"
    assert clips.write_clip(verdict, scanner, out, lambda done, expected: told.append(done))
    with av.open(str(out)) as video:
        assert video.streams.video[0].codec_context.name == "h264"
        frames = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
    assert len(frames) == 12
    assert told == list(range(1, 13))
    assert verdict.size is not None
    assert frames[0].shape[0] > verdict.size[1]  # with the legend
    assert [path.name for path in out.parent.iterdir()] == ["clip.mp4"]


def test_an_interrupted_clip_leaves_nothing(clip: Path, scanner: Scanner, tmp_path: Path) -> None:
    def stop(done: int, expected: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clips.write_clip(scanner.scan(clip), scanner, tmp_path / "new" / "clip.mp4", stop)
    assert list((tmp_path / "new").iterdir()) == []


def test_a_picture_and_a_video_without_a_face_give_none(
    astronaut: NDArray[np.uint8], scanner: Scanner, tmp_path: Path, write_clip: Callable[..., Path]
) -> None:
    empty = write_clip(tmp_path / "empty.mp4", [np.zeros((64, 64, 3), np.uint8)] * 3)
    for source in (astronaut, empty):
        assert not clips.write_clip(scanner.scan(source), scanner, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_the_command_refuses_clips_of_a_batch(tmp_path: Path) -> None:
    folder = str(tmp_path / "out")
    assert cli.main(["scan", str(tmp_path), "--out", folder, "--clip", folder]) == 2
