from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from telltrace.data.transforms import Preprocessing
from telltrace.files.pictures import decode, decode_mask, jpeg_size

FACE = np.ascontiguousarray(astronaut()[:256, 100:356])


def encode(image: np.ndarray, kind: str = ".jpg", quality: int = 95) -> np.ndarray:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if kind == ".jpg" else []
    return cv2.imencode(kind, image[..., ::-1], options)[1]


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}])
@pytest.mark.parametrize("size", [(1, 1), (33, 500), (257, 64)])
def test_the_size_of_a_jpeg_is_read_from_its_head(tmp_path: Path, size, options) -> None:
    path = tmp_path / "a.jpg"
    comment = {"comment": b"x" * 300}
    Image.fromarray(np.zeros((*size, 3), np.uint8)).save(path, **options, **comment)
    assert jpeg_size(path.read_bytes()) == size
    assert jpeg_size(path.read_bytes()[:100]) is None
    assert jpeg_size(encode(FACE, ".png").tobytes()) is None


@pytest.mark.parametrize(
    ("size", "side"), [(256, 256), (128, 128), (127, 256), (64, 64), (48, 256), (32, 32), (16, 32)]
)
def test_a_jpeg_is_decoded_smaller_only_by_a_whole_factor(size: int, side: int) -> None:
    image = decode(encode(FACE), size)
    assert image is not None
    assert image.shape == (side, side, 3)
    whole = decode(encode(FACE, ".png"), size)
    np.testing.assert_array_equal(whole, FACE)


@pytest.mark.parametrize("size", [16, 32, 64, 128])
@pytest.mark.parametrize("quality", [60, 95])
def test_decoding_less_of_it_hardly_shows_after_shrinking(size: int, quality: int) -> None:
    data, shrink = encode(FACE, quality=quality), Preprocessing(image_size=size).resize
    whole, reduced = (shrink(decode(data, s)).astype(int) for s in (None, size))
    gap = np.abs(whole - reduced)
    assert gap.mean() < 0.5
    assert np.quantile(gap, 0.99) <= 3


def test_bytes_that_are_no_picture_give_none() -> None:
    for data in (np.zeros(0, np.uint8), np.frombuffer(b"no picture", np.uint8)):
        assert decode(data, 8) is None
        assert decode_mask(data) is None
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(decode_mask(cv2.imencode(".png", grey)[1]), grey)
