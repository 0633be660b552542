import numpy as np
import pytest
from skimage import data

from telltrace.faces.shots import alike, is_cut, shared_colours, tiny


def shot(name: str) -> np.ndarray:
    return tiny(np.ascontiguousarray(getattr(data, name)()[:300, :300]))


def test_a_picture_shrinks_to_its_means() -> None:
    page = np.zeros((180, 320, 3), np.uint8)
    page[:, 160:] = 200
    small = tiny(page)
    assert small.shape == (18, 32, 3)
    assert (small[:, :16].max(), small[:, 16:].min()) == (0, 200)


@pytest.mark.parametrize(("a", "b"), [("astronaut", "cat"), ("cat", "rocket"), ("coffee", "cat")])
def test_another_picture_is_another_shot(a: str, b: str) -> None:
    assert is_cut(shot(a), shot(b))


@pytest.mark.parametrize("gain", [0.7, 1.3])
@pytest.mark.parametrize("move", [0, 12])
def test_a_move_or_a_change_of_light_is_none(gain: float, move: int) -> None:
    page = data.astronaut()
    before, after = page[:300, 100:400], page[:300, 100 - move : 400 - move] * gain
    assert not is_cut(tiny(before), tiny(np.clip(after, 0, 255).astype(np.uint8)))


def test_likeness_is_a_correlation() -> None:
    a, b = shot("astronaut"), shot("cat")
    expected = np.corrcoef(a.ravel(), b.ravel())[0, 1]
    assert alike(a, b) == pytest.approx(expected, abs=1e-5)
    assert alike(a, a) == pytest.approx(1)
    assert alike(a, 255 - a) == pytest.approx(-1)
    plain = np.full_like(a, 90)
    assert (alike(plain, plain), alike(plain, plain + 60)) == (1, 0)


def test_shared_colours_are_those_of_both() -> None:
    red, blue = np.zeros((18, 32, 3), np.uint8), np.zeros((18, 32, 3), np.uint8)
    red[..., 0], blue[..., 2] = 255, 255
    half = np.concatenate([red[:9], blue[9:]])
    shares = [shared_colours(red, x) for x in (red, half, blue)]
    assert shares == pytest.approx([1, 0.5, 0])
