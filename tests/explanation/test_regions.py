import numpy as np
import pytest

from telltrace.data.blending_masks import ALIGNED
from telltrace.explanation.regions import (
    REGIONS,
    Share,
    mean_shares,
    region_masks,
    region_shares,
    resized,
    shares_in_words,
)

SIZE = 128
POINTS = ALIGNED * SIZE


def test_every_place_belongs_to_one_region_and_landmarks_to_theirs() -> None:
    masks = region_masks(POINTS, SIZE)
    assert list(masks) == list(REGIONS)
    np.testing.assert_array_equal(np.sum(list(masks.values()), axis=0), 1)
    places = ["eyes", "eyes", "nose", "mouth", "mouth"]
    for (x, y), name in zip(np.rint(POINTS).astype(int), places, strict=True):
        assert masks[name][y, x]
    middle = (POINTS[0] + POINTS[3]) / 2 - (0.2 * (POINTS[1] - POINTS[0])[0], 0)
    assert masks["cheeks"][int(middle[1]), int(middle[0])]
    assert masks["surroundings"][:4, :4].all()
    assert min(mask.mean() for mask in masks.values()) > 0.01


def test_regions_turn_with_the_face() -> None:
    upright, turned = region_masks(POINTS, SIZE), region_masks(POINTS[:, ::-1], SIZE)
    for name in REGIONS:
        assert (turned[name] != upright[name].T).mean() < 0.02


@pytest.mark.parametrize("name", REGIONS)
def test_a_map_of_one_region_is_evidence_there_alone(name: str) -> None:
    masks = region_masks(POINTS, SIZE)
    shares = region_shares(masks[name].astype(np.float32), POINTS, SIZE)
    assert shares[name].evidence == pytest.approx(1)
    assert sum(share.evidence for share in shares.values()) == pytest.approx(1)
    assert sum(share.area for share in shares.values()) == pytest.approx(1)
    assert shares_in_words(shares).startswith("100% of the map lies on ")


def test_a_map_that_is_the_same_everywhere_singles_out_nothing() -> None:
    flat = region_shares(np.ones((12, 12), np.float32), POINTS, SIZE)
    for share in flat.values():
        assert share.evidence == pytest.approx(share.area)
    nothing = region_shares(np.zeros((12, 12), np.float32), POINTS, SIZE)
    assert {share.evidence for share in nothing.values()} == {0.0}
    for shares in (flat, nothing):
        assert shares_in_words(shares) == "The map singles out no part of the face."


def test_words_name_the_two_regions_that_hold_most_beyond_their_size() -> None:
    shares = dict.fromkeys(REGIONS, Share(0.0, 0.1))
    shares |= {
        "mouth": Share(0.5, 0.1),
        "border": Share(0.2, 0.15),
        "surroundings": Share(0.3, 0.5),
    }
    said = "50% of the map lies on the mouth (10% of the picture), and 20% on the border of the "
    assert shares_in_words(shares) == f"{said}face (15% of the picture)."
    assert mean_shares([shares, shares])["mouth"] == pytest.approx((0.5, 0.1))
    assert mean_shares([]) == {}


def test_a_map_of_another_size_has_its_highest_place_where_it_was() -> None:
    found = np.zeros((4, 4), np.float32)
    found[1, 2] = 1
    larger = resized(found, (16, 16))
    assert larger.max() <= 1
    assert np.argwhere(larger == larger.max()).mean(0) == pytest.approx([5.5, 9.5])
