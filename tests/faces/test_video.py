import contextlib
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from telltrace.faces.media import Choice, MediaError, Sampling, Status, at_positions, without
from telltrace.faces.reader import open_media

ALL = Sampling("all")
Make = Callable[..., Path]


def which(image: np.ndarray) -> int:
    """Index of the frame that a decoded picture shows: `make_video` wrote it as its shade."""
    height, width = image.shape[:2]
    return round((float(np.median(image[height // 3 :, width // 3 :])) - 20) / 4)


def shown(path: Path, sampling: Choice) -> list[int]:
    """Indices of the frames read, after a check that each picture is the one it says it is."""
    frames = list(open_media(path, sampling))
    assert [which(frame.image) for frame in frames] == [frame.index for frame in frames]
    return [frame.index for frame in frames]


@pytest.mark.parametrize(
    ("codec", "container"),
    [
        ("libx264", "mp4"),
        ("libx264", "matroska"),
        ("libx264", "mpegts"),
        ("libx265", "mp4"),
        ("mpeg4", "avi"),
        ("libvpx-vp9", "webm"),
        ("mjpeg", "mov"),
    ],
)
def test_spread_over_the_whole_video(
    tmp_path: Path, make_video: Make, codec: str, container: str
) -> None:
    path = make_video(tmp_path / "v", codec=codec, container=container)
    frames = open_media(path, Sampling("spread", 4))
    assert (frames.kind, frames.total, frames.truncated) == ("video", 48, False)
    assert frames.duration == pytest.approx(2, abs=0.01)
    found = [(frame.index, which(frame.image), round(frame.time, 2)) for frame in frames]
    assert found == [(6, 6, 0.25), (18, 18, 0.75), (30, 30, 1.25), (42, 42, 1.75)]
    assert (frames.read, frames.lost) == (4, 0)


def test_every_and_fps_and_all(video: Path) -> None:
    assert shown(video, Sampling("every", 10)) == [0, 10, 20, 30, 40]
    assert shown(video, Sampling("fps", 3)) == [0, 8, 16, 24, 32, 40]
    assert shown(video, ALL) == list(range(48))


def test_a_short_video_gives_each_frame_once(tmp_path: Path, make_video: Make) -> None:
    assert shown(make_video(tmp_path / "v.mp4", 5), Sampling("spread", 32)) == [0, 1, 2, 3, 4]


def test_time_and_not_count_decides_under_a_variable_rate(tmp_path: Path, make_video: Make) -> None:
    slow_then_fast = [*range(0, 240, 24), *range(240, 250)]  # 10 frames in 10 s, 10 in 10 / 24 s
    path = make_video(tmp_path / "v.mp4", 20, stamps=slow_then_fast)
    frames = list(open_media(path, Sampling("fps", 1)))
    assert [frame.index for frame in frames] == list(range(11))
    np.testing.assert_allclose([frame.time for frame in frames], range(11), atol=1e-3)
    assert shown(path, Sampling("spread", 5)) == [1, 3, 5, 7, 9]


def test_what_is_stepped_over_leaves_the_rest_unchanged(tmp_path: Path, make_video: Make) -> None:
    for options in ({"x264-params": "open-gop=1:bframes=3"}, {"x264-params": "open-gop=0"}):
        path = make_video(tmp_path / "v.mp4", codec_options=options, key_every=6)
        whole = {frame.index: frame.image for frame in open_media(path, ALL)}
        for count in (1, 3, 5, 7, 20):
            for frame in open_media(path, Sampling("spread", count)):
                np.testing.assert_array_equal(frame.image, whole[frame.index])


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libvpx-vp9", "mpeg4"])
def test_frames_that_nothing_hangs_on_are_not_decoded(
    tmp_path: Path, make_video: Make, codec: str
) -> None:
    """To choose a few gives them as they are among all, to the last bit."""
    path = make_video(tmp_path / "v.mkv", codec=codec, container="matroska", key_every=48)
    whole = [frame.image for frame in open_media(path, ALL)]
    assert len(whole) == 48
    for choice in (at_positions((3, 17, 18, 40)), Sampling("every", 7), Sampling("spread", 9)):
        for frame in open_media(path, choice):
            np.testing.assert_array_equal(frame.image, whole[frame.index])


def test_a_second_pass_reads_what_the_first_did_not(video: Path) -> None:
    first = open_media(video, Sampling("spread", 4))
    seen = frozenset(frame.index for frame in first)
    again = open_media(video, without(seen, Sampling("spread", 12)))
    both = sorted(seen | {frame.index for frame in again})
    assert again.read == 8
    assert both == [frame.index for frame in open_media(video, Sampling("spread", 12))]
    assert list(open_media(video, without(seen, Sampling("spread", 4)))) == []
    assert shown(video, at_positions((40, 3, 3, 99, -1))) == [3, 40]


@pytest.mark.parametrize("kind", ["video.mp4", "moving.gif"])
def test_a_check_ends_the_reading_at_any_moment(video: Path, kind: str) -> None:
    path = video.with_name(kind)
    if kind == "moving.gif":
        noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (9, 9, 3), np.uint8))
        noise.save(path, save_all=True, append_images=[noise.rotate(90 * i) for i in (1, 2, 3)])
    calls = 0

    def check() -> None:
        nonlocal calls
        calls += 1
        if calls == limit:
            raise MediaError(path, "took longer than 1 s", "Wait longer", Status.TIMEOUT)

    limit = -1
    list(open_media(path, ALL, check))
    for last in range(1, calls + 1):
        calls, limit = 0, last
        with pytest.raises(MediaError, match="took longer") as caught:
            list(open_media(path, ALL, check))
        assert caught.value.status == Status.TIMEOUT


@pytest.mark.parametrize(
    ("matrix", "upright"),
    [
        ((0, -1, 1, 0), lambda a: np.rot90(a)),
        ((-1, 0, 0, -1), lambda a: np.rot90(a, 2)),
        ((0, 1, -1, 0), lambda a: np.rot90(a, 3)),
        ((-1, 0, 0, 1), lambda a: a[:, ::-1]),
        ((1, 0, 0, -1), lambda a: a[::-1]),
        ((0, 1, 1, 0), lambda a: a.transpose(1, 0, 2)),
    ],
)
def test_display_matrix_is_applied(
    video: Path, matrix: tuple[int, ...], upright: Callable[[np.ndarray], np.ndarray]
) -> None:
    [before] = open_media(video, Sampling("spread", 1))
    content = bytearray(video.read_bytes())
    start = content.index(b"tkhd") + 44  # ISO 14496-12, 8.3.2: the matrix of the track
    a, b, c, d = (16 * 4096 * x for x in matrix)
    content[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 2**30)
    video.write_bytes(content)
    [after] = open_media(video, Sampling("spread", 1))
    np.testing.assert_array_equal(after.image, upright(before.image))


def test_a_file_cut_short_gives_what_it_has(tmp_path: Path, make_video: Make) -> None:
    path = make_video(tmp_path / "v.mp4", options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.75)])
    frames = open_media(path, ALL)
    found = [(frame.index, which(frame.image)) for frame in frames]
    assert 5 < len(found) < 48
    assert all(index == picture for index, picture in found[:-1])
    assert frames.truncated


@pytest.mark.parametrize("container", ["matroska", "avi"])
def test_other_containers_cut_short_are_known_for_it(
    tmp_path: Path, make_video: Make, container: str
) -> None:
    path = make_video(tmp_path / "v", container=container, codec="mpeg4")
    assert not open_media(path).truncated
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.75)])
    assert open_media(path).truncated
    assert 5 < len(shown(path, ALL)) < 48


def test_an_mp4_without_its_index(video: Path) -> None:
    content = video.read_bytes()
    video.write_bytes(content[: content.index(b"moov") - 4])
    with pytest.raises(MediaError, match=r"video\.mp4: .* index \(moov\) is missing\. Copy it"):
        open_media(video)


def test_damaged_packets_are_lost_and_counted(tmp_path: Path, make_video: Make) -> None:
    path = make_video(tmp_path / "v.mov", codec="mjpeg", container="mov")
    with av.open(str(path)) as file:
        packets = [(p.pos, p.size) for p in file.demux(video=0) if p.size]
    content = bytearray(path.read_bytes())
    for number in (10, 11, 30):
        start, size = packets[number]
        content[start : start + size] = bytes(size)
    path.write_bytes(content)
    frames = open_media(path, ALL)
    assert [f.index for f in frames] == [i for i in range(48) if i not in (10, 11, 30)]
    assert (frames.read, frames.lost) == (45, 3)
    assert [f.index for f in open_media(path, Sampling("every", 10))] == [0, 12, 20, 31, 40]


def test_a_video_of_nothing_but_damage(tmp_path: Path, make_video: Make) -> None:
    path = make_video(tmp_path / "v.mov", 6, codec="mjpeg", container="mov")
    content = path.read_bytes()
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    path.write_bytes(content[:start] + bytes(end - start) + content[end:])
    with pytest.raises(MediaError, match=r"no frame that can be decoded \(6 packets damaged\)"):
        list(open_media(path))


def write_sound(path: Path) -> Path:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 16000, 0, Fraction(1, 16000)
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def test_sound_alone(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"v\.mp4: has no video track, only audio") as caught:
        open_media(write_sound(tmp_path / "v.mp4"))
    assert caught.value.status == Status.UNSUPPORTED


def test_a_video_track_without_a_frame(tmp_path: Path, make_video: Make) -> None:
    path = make_video(tmp_path / "v.avi", 1, codec="mpeg4", container="avi")
    content = bytearray(path.read_bytes())
    while (at := content.find(b"00dc")) >= 0:
        content[at : at + 4] = b"JUNK"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"without a single frame|neither an image nor"):
        list(open_media(path))


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory, make_video: Make) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8))
    noise.save(folder / "a.jpg")
    noise.save(folder / "a.png")
    noise.save(folder / "a.gif", save_all=True, append_images=[noise.rotate(90)])
    make_video(folder / "a.mp4", 12, options={"movflags": "faststart"})
    make_video(folder / "a.mkv", 12, container="matroska", codec="mpeg4")
    return folder


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kind=st.sampled_from([".gif", ".jpg", ".mkv", ".mp4", ".png"]),
    keep=st.one_of(st.just(1.0), st.floats(0, 1)),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12),
)
def test_damage_ends_in_frames_or_in_a_media_error(
    tmp_path: Path,
    originals: Path,
    kind: str,
    keep: float,
    flips: list[tuple[float, int]],
) -> None:
    content = bytearray((originals / f"a{kind}").read_bytes())
    for place, byte in flips:
        content[int(place * len(content))] = byte
    path = tmp_path / f"damaged{kind}"
    path.write_bytes(content[: int(keep * len(content))])
    with contextlib.suppress(MediaError):  # and no other error
        frames = open_media(path, ALL)
        found = list(frames)
        assert len(found) == frames.read >= 1
        assert all(f.image.dtype == np.uint8 and f.image.shape[2] == 3 for f in found)


@pytest.mark.data
def test_any_frame_of_real_footage_can_be_read_alone(data_root: Path) -> None:
    """Old x264 wrote 4:4:4 with an error that a decoder undoes only if it saw the first packet."""
    path = data_root.joinpath(
        "FaceForensics++", "manipulated_sequences", "FaceSwap", "c23", "videos", "585_599.mp4"
    )
    whole = {frame.index: frame.image for frame in open_media(path, Sampling("every", 43))}
    for index, image in whole.items():
        alone = open_media(path, at_positions((index,)))
        [frame] = alone
        assert (frame.index, alone.lost) == (index, 0)
        np.testing.assert_array_equal(frame.image, image)
