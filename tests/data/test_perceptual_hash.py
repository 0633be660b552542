import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn
from skimage.data import astronaut

from telltrace.data.perceptual_hash import NEAR, bits_that_differ, near_duplicates, perceptual_hash


def distance(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def blobs(seed: int) -> np.ndarray:
    """A smooth picture, different for every seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return cv2.resize(coarse, (160, 160), interpolation=cv2.INTER_CUBIC)


def test_the_bits_are_the_slow_cosines_above_their_median() -> None:
    picture = np.asarray(Image.fromarray(blobs(1)).resize((32, 32)))
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(float)
    cosines = dctn(grey, type=2)
    order = sorted(np.ndindex(32, 32), key=lambda at: (sum(at), at[0]))[1:65]
    # scipy scales every coefficient alike
    slow = np.array([cosines[at] for at in order])
    bits = "".join("1" if above else "0" for above in slow > np.median(slow))
    assert perceptual_hash(picture) == int(bits, 2)


@pytest.mark.parametrize("quality", [40, 90])
@pytest.mark.parametrize("scale", [0.5, 1.4])
@pytest.mark.parametrize("gain", [0.8, 1.2])
def test_a_copy_keeps_its_hash(quality: int, scale: float, gain: float) -> None:
    face = np.ascontiguousarray(astronaut()[0:200, 130:330])
    copy = cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    copy = np.clip(copy * gain, 0, 255).astype(np.uint8)
    data = cv2.imencode(".jpg", copy, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    assert distance(perceptual_hash(face), perceptual_hash(cv2.imdecode(data, 1))) <= NEAR


def test_different_pictures_differ_in_half_their_bits() -> None:
    hashes = np.array([perceptual_hash(blobs(i)) for i in range(60)], dtype=np.uint64)
    one, other = np.triu_indices(60, 1)
    apart = bits_that_differ(hashes[one], hashes[other])
    assert apart.min() > 2 * NEAR
    assert apart.mean() == pytest.approx(32, abs=1.5)


def test_flat_pictures_of_any_colour_are_one() -> None:
    assert {perceptual_hash(np.full((40, 50, 3), c, np.uint8)) for c in range(256)} == {0}


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1), (0, 4, 3)])
def test_what_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="uint8 RGB, got"):
        perceptual_hash(np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match="float64"):
        perceptual_hash(np.zeros((4, 4, 3)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=12),
    st.integers(0, 15),
    st.randoms(use_true_random=False),
)
def test_the_pairs_are_those_of_a_plain_search(hashes, limit, random) -> None:
    for base in list(hashes):  # neighbours at every distance, since chance gives none
        flips = random.sample(range(64), random.randint(0, 18))
        hashes.append(base ^ sum(1 << bit for bit in flips))
    sides = [random.choice("ab") for _ in hashes]
    plain = [
        [i, j]
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if distance(hashes[i], hashes[j]) <= limit
    ]
    assert near_duplicates(hashes, limit).tolist() == plain
    across = [[i, j] for i, j in plain if sides[i] != sides[j]]
    assert near_duplicates(hashes, limit, sides=sides).tolist() == across


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="0 to 15 bits, got 16"):
        near_duplicates([1], 16)
    with pytest.raises(ValueError, match="1 hashes need as many sides, got 2"):
        near_duplicates([1], sides=[0, 1])
