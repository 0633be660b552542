import os
import pickle
import socket
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from telltrace.errors import printable
from telltrace.faces.media import MediaError, Sampling, Status
from telltrace.faces.reader import open_media


def reading(path: Path) -> MediaError:
    """The error that a file ends in, after the checks that each one owes its reader."""
    with pytest.raises(MediaError) as caught:
        list(open_media(path))
    error = caught.value
    assert error.path == path
    assert str(error) == f"{printable(path)}: {error.message}. {error.remedy}."
    assert error.remedy[0].isupper()
    return error


ascending = st.lists(st.floats(0.001, 3), min_size=1, max_size=60).map(np.cumsum)


@given(times=ascending, count=st.integers(1, 70), mode=st.sampled_from(["spread", "every", "fps"]))
def test_chosen_frames_exist_and_ascend(times: np.ndarray, count: int, mode: str) -> None:
    chosen = Sampling(mode, count)(times, times[-1] + 0.1)
    assert len(chosen) >= 1
    assert (np.diff(chosen) > 0).all()
    assert 0 <= chosen[0] <= chosen[-1] < len(times)


@given(times=ascending, count=st.integers(1, 70))
def test_spread_takes_what_is_on_screen_at_the_centre_of_each_slice(
    times: np.ndarray, count: int
) -> None:
    end = times[-1] + 0.1
    chosen = Sampling("spread", count)(times, end)
    if len(times) <= count:
        assert chosen.tolist() == list(range(len(times)))
        return
    width, slack = (end - times[0]) / count, (end - times[0]) / len(times) / 20
    moments = [times[0] + (i + 0.5) * width + slack for i in range(count)]
    assert set(chosen) == {max(i for i, t in enumerate(times) if t <= m) for m in moments}


@pytest.mark.parametrize(
    ("sampling", "expected"),
    [
        (Sampling("spread", 4), [1, 4, 7, 10]),
        (Sampling("spread", 1), [6]),
        (Sampling("spread", 12), list(range(12))),
        (Sampling("every", 5), [0, 5, 10]),
        (Sampling("fps", 2), [0, 2, 4, 6, 8, 10]),
        (Sampling("fps", 100), list(range(12))),
        (Sampling("all"), list(range(12))),
    ],
)
def test_sampling_by_hand(sampling: Sampling, expected: list[int]) -> None:
    assert sampling(np.arange(12) / 4, end=3.0).tolist() == expected


@pytest.mark.parametrize(
    ("mode", "value"), [("spread", 0), ("spread", 2.5), ("fps", -1), ("fps", np.nan), ("some", 3)]
)
def test_refuses_a_sampling_that_means_nothing(mode: str, value: float) -> None:
    with pytest.raises(ValueError, match=r"must be|counts whole frames"):
        Sampling(mode, value)


def test_missing_file(tmp_path: Path) -> None:
    error = reading(tmp_path / "absent.mp4")
    assert (error.message, error.status) == ("does not exist", Status.UNREADABLE)


def test_a_name_that_no_file_can_have() -> None:
    error = reading(Path("a\0b.mp4"))
    assert "cannot be reached" in error.message
    assert str(error).startswith(r"a\x00b.mp4: ")


def test_folder(tmp_path: Path) -> None:
    error = reading(tmp_path)
    assert (error.message, error.status) == ("is a folder, not a file", Status.UNSUPPORTED)


def test_a_pipe_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "is a named pipe" in reading(tmp_path / "pipe.mp4").message


def test_socket_and_device(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "s"))  # such names are limited to 107 bytes
        assert "is a socket" in reading(tmp_path / "s").message
    assert "is a device" in reading(Path(os.devnull)).message


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert reading(tmp_path / "empty.mp4").message == "is empty (0 bytes)"


def test_forbidden_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "secret.png").write_bytes(b"x")
    monkeypatch.setattr(Path, "open", refuse)  # file modes do not bind an administrator
    error = reading(tmp_path / "secret.png")
    assert "Permission denied" in error.message
    assert "permissions" in error.remedy


@pytest.mark.parametrize(
    "content",
    [
        b"Dear diary, today I renamed a text.\n",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nvideo.mp4\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile video.mp4\n",
    ],
    ids=["letter", "playlist", "concatenation"],
)
def test_text_renamed_mp4(content: bytes, video: Path) -> None:
    path = video.parent / "text.mp4"
    path.write_bytes(content)
    error = reading(path)
    assert error.message.startswith("is neither an image nor a video")
    assert error.status == Status.UNSUPPORTED


def test_content_decides_and_the_name_does_not(video: Path) -> None:
    Image.new("RGB", (5, 4), "red").save(video.parent / "picture.png")
    (video.parent / "picture.png").rename(video.parent / "movie.mp4")
    assert open_media(video.parent / "movie.mp4").kind == "image"
    for name in ("portrait.jpg", "no_name", "http:x", "line\nbreak.mp4", "\udcff.gif"):
        video = video.rename(video.parent / name)
        assert open_media(video).kind == "video"
        assert len(list(open_media(video, Sampling("all")))) == 48


def test_a_symbolic_link_is_followed(video: Path) -> None:
    link = video.parent / "link"
    link.symlink_to(video)
    assert open_media(link).total == 48


def test_errors_survive_a_process_boundary(tmp_path: Path) -> None:
    error = reading(tmp_path / "absent.mp4")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_each_iteration_is_a_pass_of_its_own(video: Path) -> None:
    frames = open_media(video, Sampling("spread", 3))
    first = [frame.index for frame in frames]
    assert [frame.index for frame in frames] == first
    assert frames.read == 3


def open_files() -> set[Path]:
    return {path.resolve() for path in Path("/proc/self/fd").iterdir()}


def test_nothing_stays_open(video: Path) -> None:
    before = open_files()
    frames = open_media(video)
    for _ in frames:
        break
    list(frames)
    damaged = video.parent / "damaged.mp4"
    damaged.write_bytes(video.read_bytes()[:500])
    reading(damaged)
    assert open_files() == before
