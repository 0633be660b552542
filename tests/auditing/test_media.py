"""What is read out of a file's header and pixels, against what was put in."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from telltrace.auditing.headers import TABLES
from telltrace.auditing.media import _quality, look_at, look_at_files
from telltrace.auditing.spectra import BINS, spectrum_summary
from telltrace.data.crops import write_pack
from telltrace.data.manifest import read_manifest
from telltrace.evidence.video import encoder_settings
from telltrace.faces.align import FaceCrop

from .conftest import draw_picture


@pytest.mark.parametrize(("subsampling", "name"), [(0, "4:4:4"), (1, "4:2:2"), (2, "4:2:0")])
def test_a_jpeg_tells_its_tables_and_subsampling(
    subsampling: int, name: str, tmp_path: Path
) -> None:
    picture, path = draw_picture(np.random.default_rng(0), (40, 60)), tmp_path / "a"
    Image.fromarray(picture).save(path, "JPEG", quality=50, subsampling=subsampling)
    traits = look_at(str(path), 4).traits
    assert (traits["format"], traits["subsampling"], traits["mode"]) == ("JPEG", name, "RGB")
    assert (traits["width"], traits["height"], traits["aspect"]) == (60, 40, 1.5)
    assert len(traits["jpeg_tables"]) == TABLES
    assert sorted(traits["jpeg_tables"][:3]) == [10, 11, 16]  # the first steps of annex K at 50
    assert traits["bits_per_pixel"] == pytest.approx(8 * path.stat().st_size / 2400)


def test_a_grey_jpeg_has_no_chroma(tmp_path: Path) -> None:
    Image.fromarray(draw_picture(np.random.default_rng(0))[..., 0]).save(tmp_path / "a.jpg")
    assert look_at(str(tmp_path / "a.jpg"), 4).traits["subsampling"] == "grey"


def test_a_video_tells_its_codec_and_rhythm(
    write_clip: Callable[..., Path], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    path = write_clip(tmp_path / "a.mp4", [draw_picture(rng, (48, 64)) for _ in range(30)])
    medium = look_at(str(path), 3)
    traits = medium.traits
    assert (medium.kind, len(medium.looks), traits["codec"]) == ("video", 3, "h264")
    assert (traits["fps"], traits["frames"], traits["seconds"]) == (10, 30, 3)
    assert (traits["width"], traits["height"], traits["subsampling"]) == (64, 48, "yuv420p")
    assert 1 <= traits["gop"] <= 30
    assert "x264 - core" in traits["settings"]
    assert "keyint=" in traits["settings"]


def test_settings_are_none_where_an_encoder_wrote_none() -> None:
    assert encoder_settings(b"\0\0\1\x65 nothing of the kind") == ""


def test_a_crop_in_a_pack_is_the_crop(tmp_path: Path, clean_set: Path) -> None:
    table = read_manifest(clean_set)[:3]
    write_pack(table, FaceCrop(32), tmp_path / "some.pack")
    file = look_at(table.path[0], 1)
    entry = look_at(str(tmp_path / "some.pack" / Path(table.path[0]).name), 1)
    assert entry.looks == file.looks
    assert entry.traits == file.traits
    assert np.array_equal(entry.spectrum, file.spectrum)
    gone = look_at(str(tmp_path / "some.pack" / "none.png"), 1)
    assert (gone.missing, gone.looks) == (True, ())


def test_what_is_wrong_with_a_file_is_part_of_the_answer(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    Image.fromarray(draw_picture(np.random.default_rng(0), (200, 200))).save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    names = ["gone.png", "text.png", "cut.jpg", "a.jpg"]
    found = look_at_files([str(tmp_path / name) for name in names])
    gone, text, cut, fine = found.values()
    assert (gone.missing, gone.looks) == (True, ())
    assert (text.missing, text.looks, bool(text.trouble)) == (False, (), True)
    assert (bool(cut.looks), "ends before" in cut.trouble) == (True, True)
    assert (fine.trouble, len(fine.looks)) == ("", 1)


def test_sharpness_falls_with_blur_and_not_with_size() -> None:
    big = cv2.resize(
        draw_picture(np.random.default_rng(0), (64, 64)), (600, 600), interpolation=cv2.INTER_CUBIC
    )

    def sharpness(image: np.ndarray) -> float:
        return _quality(np.ascontiguousarray(image[..., 0]))[0]

    half = cv2.resize(big, (300, 300), interpolation=cv2.INTER_AREA)
    assert sharpness(half) == pytest.approx(sharpness(big), rel=0.1)
    assert sharpness(cv2.GaussianBlur(big, (0, 0), 12)) < 0.5 * sharpness(big)


@pytest.mark.parametrize("size", [(24, 24), (31, 64), (100, 100), (600, 700)])
def test_the_spectrum_of_grain_is_flat_at_any_size(size: tuple[int, int]) -> None:
    """The mean log of a periodogram of white noise lies 0.577 below the log of its power."""
    noise = np.random.default_rng(0).normal(128, 20, (*size, 1)).clip(0, 255).astype(np.uint8)
    summary = spectrum_summary(np.repeat(noise, 3, axis=2))
    assert summary.shape == (BINS,)
    expected = np.log(400 * 0.375**2) - 0.577  # the taper keeps 3/8 of the power in each direction
    assert summary[20:].mean() == pytest.approx(expected, abs=0.4 if min(size) < 40 else 0.2)
    assert summary[64:].mean() == pytest.approx(summary[20:64].mean(), abs=0.8)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (3, 5), (8, 8)])
def test_the_smallest_pictures_have_a_spectrum_too(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert np.isfinite(spectrum_summary(image)).all()


def test_brightness_alone_leaves_no_trace_in_the_spectrum() -> None:
    image = np.random.default_rng(0).integers(0, 128, (64, 64, 3), dtype=np.uint8)
    assert spectrum_summary(image + np.uint8(90)) == pytest.approx(
        spectrum_summary(image), abs=1e-3
    )


@pytest.mark.parametrize("cycles", [0.1, 0.2, 0.4])
def test_grain_of_one_fineness_lies_at_its_frequency(cycles: float) -> None:
    noise = np.fft.fft2(np.random.default_rng(0).normal(size=(256, 256)))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    grain = np.fft.ifft2(noise * (abs(frequency - cycles) < 0.02)).real
    image = np.rint(128 + 30 * grain / grain.std()).clip(0, 255).astype(np.uint8)
    summary = spectrum_summary(np.stack([image] * 3, axis=2))
    assert int(np.argmax(summary)) / (BINS - 1) / 2 == pytest.approx(cycles, abs=0.02)
