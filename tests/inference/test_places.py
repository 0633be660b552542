"""A verdict carries where the detector sees a paste, and where in the frame that is."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from telltrace.checkpoint import Card, Detector
from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop
from telltrace.faces.detect import FaceDetector
from telltrace.inference import Scanner, Verdict
from telltrace.inference.places import PlaceMap, mean_map

from .conftest import Redness


class RedPlaces(Redness):
    """Sees a paste wherever a place is pure red."""

    def localize(self, images: Tensor) -> tuple[Tensor, Tensor]:
        red, _, blue = adaptive_avg_pool2d(images, 8).unbind(1)
        return self(images), 20 * (red - blue - 0.8)[:, None]


def red_places(**crop: Any) -> Detector:
    settings = Preprocessing(FaceCrop(**crop), image_size=64, mean=(0.0,) * 3, std=(1.0,) * 3)
    return Detector(RedPlaces(), Card(detector="red_places", preprocessing=settings))


def test_a_map_is_small_and_comes_back_from_json() -> None:
    places = np.linspace(0, 1, 12).reshape(3, 4)
    found = PlaceMap.of(places, [(0.04, 1), (9, 1), (9, 7), (0, 7)])
    np.testing.assert_allclose(found.places, places * 255, atol=0.5)
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["corners"][0] == [0.0, 1]
    again = PlaceMap.from_dict(plain)
    assert again.to_dict() == plain
    assert (again.values, again.width, again.height) == (found.values, 4, 3)
    assert len({found, PlaceMap.of(places, found.corners), again}) == 2  # corners were rounded
    with pytest.raises(ValueError, match="3 x 3 places has 12 values"):
        PlaceMap.from_dict({**plain, "width": 3})


def test_a_fine_map_is_averaged_and_maps_have_a_mean() -> None:
    fine = np.zeros((64, 32))
    fine[:4, :2] = 0.5
    assert PlaceMap.of(fine).places.shape == (16, 16)
    assert PlaceMap.of(fine).places[0].tolist() == [128, *[0] * 15]
    dark, bright = PlaceMap.of(np.full((2, 2), 0.2)), PlaceMap.of(np.full((2, 2), 0.6))
    assert mean_map([dark, None, bright]) == PlaceMap.of(np.full((2, 2), 0.4))
    assert mean_map([None]) is None


@pytest.mark.parametrize("quarters", [0, 1])
@pytest.mark.parametrize("alignment", ["box", "similarity"])
def test_it_lies_where_the_frame_shows_it(
    alignment: str, quarters: int, astronaut: NDArray[np.uint8], detector: FaceDetector
) -> None:
    picture = astronaut.copy()
    picture[150:170, 190:210] = (255, 0, 0)  # at a cheek
    picture = np.ascontiguousarray(np.rot90(picture, quarters))
    judge = red_places(alignment=alignment, size=128)
    found = Scanner(judge, face_detector=detector).scan(Image.fromarray(picture))
    [track] = found.tracks
    [face] = track.faces
    assert face.map is not None
    left_top, right_top, _, left_bottom = np.array(face.map.corners)
    row, column = np.unravel_index(face.map.places.argmax(), (8, 8))
    down, right = (row + 0.5) / 8, (column + 0.5) / 8
    at = left_top + right * (right_top - left_top) + down * (left_bottom - left_top)
    x, y = at.round().astype(int)
    assert picture[y, x].tolist() == [255, 0, 0]
    assert track.map == PlaceMap(8, 8, face.map.values)
    assert Verdict.from_dict(found.to_dict()).faces[0].map is not None


def test_a_face_without_a_score_and_a_detector_without_a_map_have_none(
    scanner: Scanner, astronaut: NDArray[np.uint8], detector: FaceDetector
) -> None:
    small = Scanner(red_places(), face_detector=detector, min_face=400).scan(astronaut)
    for found in (small, scanner.scan(astronaut)):
        [track] = found.tracks
        assert (track.map, track.faces[0].map) == (None, None)


def test_of_several_detectors_the_first_with_a_map_shows_it(
    judge: Detector, scanner: Scanner, clip: Path
) -> None:
    sizes = {"frames": 3, "sample": "spread", "face_detector": scanner.face_detector}
    both = Scanner([judge, red_places(margin=2.0)], **sizes).scan(clip)
    alone = Scanner(red_places(margin=2.0), **sizes).scan(clip)
    assert [face.map for face in both.faces] == [face.map for face in alone.faces] != [None] * 3


def test_a_verdict_of_an_older_version_is_read(scanner: Scanner, clip: Path) -> None:
    found = scanner.scan(clip)
    plain = found.to_dict()
    for part in (*plain["tracks"], *plain["tracks"][0]["faces"]):
        del part["map"]
    assert Verdict.from_dict(plain) == Verdict.from_dict(found.to_dict())
