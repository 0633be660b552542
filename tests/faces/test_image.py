import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from telltrace.faces.media import MediaError, Sampling, Status
from telltrace.faces.reader import open_media


def only(path: Path) -> np.ndarray:
    frames = open_media(path)
    [frame] = frames
    assert (frames.kind, frames.read, frame.index, frame.time) == ("image", 1, 0, 0.0)
    assert frame.image.dtype == np.uint8
    return frame.image


@pytest.fixture
def ramp() -> np.ndarray:
    return np.linspace(0, 255, 20 * 30 * 3).astype(np.uint8).reshape(20, 30, 3)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "ppm", "webp"])
def test_lossless_formats_give_every_pixel(tmp_path: Path, ramp: np.ndarray, suffix: str) -> None:
    Image.fromarray(ramp).save(tmp_path / f"a.{suffix}", lossless=True)
    np.testing.assert_array_equal(only(tmp_path / f"a.{suffix}"), ramp)


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.transpose(1, 0, 2)),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: a.transpose(1, 0, 2)[::-1, ::-1]),
        (8, lambda a: np.rot90(a)),
    ],
)
def test_orientation_is_applied(
    tmp_path: Path, ramp: np.ndarray, orientation: int, upright: Callable
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(ramp).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(only(tmp_path / "a.png"), upright(ramp))


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path) -> None:
    samples = np.array([[0, 257, 32896, 65535, 1000]], np.uint16)
    Image.fromarray(samples).save(tmp_path / "a.png")
    assert only(tmp_path / "a.png")[0, :, 0].tolist() == [0, 1, 128, 255, 4]
    Image.fromarray(samples.astype(np.int32)).save(tmp_path / "a.tiff")
    assert only(tmp_path / "a.tiff")[0, :, 1].tolist() == [0, 1, 128, 255, 4]


def test_samples_without_a_fixed_white_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.ones((3, 3), np.float32)).save(tmp_path / "a.tiff")
    with pytest.raises(MediaError, match=r"a\.tiff: has samples of mode 'F'.*Convert it"):
        only(tmp_path / "a.tiff")


def test_grey_palette_and_bilevel(tmp_path: Path, ramp: np.ndarray) -> None:
    grey = Image.fromarray(ramp).convert("L")
    for mode in ("L", "P", "1"):
        grey.convert(mode).save(tmp_path / "a.png")
        expected = np.asarray(grey.convert(mode).convert("RGB"))
        np.testing.assert_array_equal(only(tmp_path / "a.png"), expected)


def test_cmyk(tmp_path: Path) -> None:
    Image.new("CMYK", (16, 16), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(only(tmp_path / "a.jpg").astype(int) - [255, 0, 0]).max() <= 2


def test_transparency_is_laid_on_white(tmp_path: Path) -> None:
    pixels = np.array([[[9, 9, 9, 0], [200, 0, 0, 255], [0, 0, 0, 128]]], np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert only(tmp_path / "a.png").tolist() == [[[255] * 3, [200, 0, 0], [127] * 3]]


def test_one_pixel_is_a_picture(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "a.png")
    assert only(tmp_path / "a.png").tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize("side", [12_000, 20_000])
def test_a_huge_picture_is_refused_undecoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int
) -> None:
    chunks = [b"IHDR" + struct.pack(">2I5B", side, side, 8, 2, 0, 0, 0), b"IDAT"]
    framed = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(framed))
    monkeypatch.setattr(Image.Image, "load", None)  # whoever decodes it now fails
    with pytest.raises(MediaError, match=r"limit of 134,217,728 pixels\. Shrink it") as caught:
        only(tmp_path / "a.png")
    assert caught.value.status == Status.UNSUPPORTED


@pytest.mark.parametrize(("suffix", "channels"), [("jpg", 3), ("png", 3), ("png", 4)])
def test_a_cut_picture_keeps_what_came_before_the_cut(
    tmp_path: Path, suffix: str, channels: int
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (160, 160, channels), np.uint8)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise).save(path)
    whole = only(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = open_media(path)
    [frame] = frames
    assert frames.truncated
    np.testing.assert_array_equal(frame.image[:48], whole[:48])
    assert 48 < len(frame.image) < 112  # rows that the file lacks are left out
    assert np.ptp(frame.image, axis=(1, 2)).all()


@pytest.mark.parametrize("kept", [0.3, 0.8])
@pytest.mark.parametrize(("suffix", "mode"), [("png", "P"), ("tiff", "YCbCr"), ("jpg", "L")])
def test_bars_of_a_cut_picture_stay(tmp_path: Path, suffix: str, mode: str, kept: float) -> None:
    picture = np.random.default_rng(0).integers(1, 255, (160, 160, 3), np.uint8)
    picture[:48], picture[:, :32] = 255, 255  # the first rows that are there are white
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(picture).convert(mode).save(path)
    whole = only(path)
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    [frame] = open_media(path)
    assert frame.image.shape[1] == 160
    assert 16 <= len(frame.image) < 160
    sure = len(frame.image) - 16  # the last row of blocks may have come in part
    np.testing.assert_array_equal(frame.image[:sure], whole[:sure])


def test_a_picture_cut_before_its_pixels_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"\xff\xda") + 14])  # the scan's header
    with pytest.raises(MediaError, match=r"a\.jpg: .*Copy it again"):
        only(path)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_an_animation_is_a_video(tmp_path: Path, suffix: str) -> None:
    pages = [Image.new("RGB", (8, 6), (shade, shade, shade)) for shade in (0, 90, 180, 255)]
    durations = [100, 300, 100, 200]
    path = tmp_path / f"a.{suffix}"
    pages[0].save(path, save_all=True, append_images=pages[1:], duration=durations, lossless=True)
    frames = open_media(path, Sampling("all"))
    assert (frames.kind, frames.total) == ("video", 4)
    assert frames.duration == pytest.approx(0.7)
    found = [(f.index, round(f.time, 3), int(f.image[0, 0, 0])) for f in frames]
    assert found == [(0, 0, 0), (1, 0.1, 90), (2, 0.4, 180), (3, 0.5, 255)]
    assert [f.index for f in open_media(path, Sampling("fps", 5))] == [0, 1, 2, 3]


def test_heic_is_named_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200))
    with pytest.raises(MediaError, match=r"is a HEIC picture\. Convert it to PNG or JPEG"):
        only(path)
