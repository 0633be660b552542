"""Blends must be repeatable, confined to their mask, and treated exactly like their reals."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telltrace.data.blending import (
    BlendSettings,
    blend_pair,
    pair_batches,
    settings_at,
    similar_faces,
)
from telltrace.data.blending_masks import ALIGNED, FREQUENCIES
from telltrace.data.blending_mismatch import (
    degrade,
    displace,
    match_colours,
    recolour,
    refocus,
    rescale,
)
from telltrace.pixels.augmentations import generator
from telltrace.pixels.codecs import code_still


def picture(seed: int, size: int = 96) -> np.ndarray:
    """Smooth random colours with a little grain."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(40, 210, (8, 8, 3)).astype(np.float32)
    smooth = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)


def same(a, b) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_pair_is_a_function_of_seed_epoch_and_index():
    face, key = picture(0), (3, 5, 7)
    first = blend_pair(face, generator(*key), partner=picture(1))
    assert same(first, blend_pair(face, generator(*key), partner=picture(1)))
    for other in ((4, 5, 7), (3, 6, 7), (3, 5, 8)):
        assert not same(first, blend_pair(face, generator(*other), partner=picture(1)))


def test_the_given_face_is_left_alone():
    face = picture(0)
    before = face.copy()
    for index in range(20):
        blend_pair(face, generator(0, 0, index), partner=face[::-1].copy())
    assert np.array_equal(face, before)


@pytest.mark.parametrize("region", sorted(FREQUENCIES))
def test_each_region_changes_the_face_inside_its_mask_only(region):
    for index in range(8):
        rng = generator(0, 0, index)
        real, fake, mask = blend_pair(
            picture(index),
            rng,
            settings=BlendSettings(regions=(region,), frame=0, decay=0),
        )
        changed = np.abs(real.astype(int) - fake).max(2)
        assert changed[mask == 0].max(initial=0) == 0
        assert changed[mask > 0.4].mean() > 1
        assert mask.min() >= 0
        assert 0.4 < mask.max() <= 1.001


def test_real_and_fake_share_every_later_step():
    """A pair of equal pictures stays equal, whatever is done to it."""
    face = picture(0)
    treated = 0
    for seed in range(60):
        one, two = degrade([face, face.copy()], np.random.default_rng(seed), 1.0)
        assert np.array_equal(one, two)
        treated += not np.array_equal(one, face)
    assert 40 < treated < 60
    only, _ = degrade([face, face], np.random.default_rng(0), 0.0)
    assert np.array_equal(only, face)


def test_outside_the_mask_a_pair_differs_by_compression_alone():
    settings = BlendSettings(regions=("mouth",), decay=0)
    for index in range(20):
        real, fake, mask = blend_pair(picture(index), generator(0, 0, index), settings=settings)
        assert np.array_equal(real[mask == 0], fake[mask == 0])


def test_the_whole_crop_moves_with_its_mask():
    """Blends move under the shared frame as if they had been framed afterwards."""
    settings = BlendSettings(regions=("inner",), decay=0)
    for index in range(20):
        real, fake, mask = blend_pair(picture(index), generator(0, 0, index), settings=settings)
        changed = np.abs(real.astype(int) - fake).max(2)
        assert (changed > 3).sum() > 0
        assert mask[changed > 3].min() > 0


def test_without_any_mismatch_the_blend_is_the_face():
    settings = BlendSettings(colour=0, detail=0, motion=0, frame=0, decay=0)
    face = picture(0)
    real, fake, _ = blend_pair(face, generator(0, 0, 0), settings=settings)
    assert np.array_equal(real, face)
    assert np.abs(fake.astype(int) - face).max() <= 1


def test_a_partner_is_brought_onto_the_face():
    """Pasting a shifted copy of a face, with its landmarks, gives back the face."""
    face = cv2.GaussianBlur(picture(0, 128), (0, 0), 3)
    shifted = np.roll(face, (6, -4), axis=(0, 1))
    points = ALIGNED * 128
    settings = BlendSettings(
        regions=("inner",), colour=0, detail=0, motion=0, partner=1, frame=0, decay=0, visible=0
    )
    real, fake, _ = blend_pair(
        face,
        generator(0, 0, 1),
        landmarks=points,
        partner=shifted,
        partner_landmarks=points + np.array([-4, 6]),
        settings=settings,
    )
    assert np.abs(real.astype(int) - fake).max() <= 2
    _, unaligned, _ = blend_pair(
        face, generator(0, 0, 1), landmarks=points, partner=shifted, settings=settings
    )
    assert np.abs(real.astype(int) - unaligned).max() > 5


def test_a_partner_turned_another_way_is_not_pasted():
    """Its nose and mouth lie beside its eyes: whatever it shows, the face itself is pasted."""
    face, points = picture(0), ALIGNED * 96
    turned = points + np.array([(0, 0), (0, 0), (30, 0), (25, 0), (5, 0)], np.float32)
    always = BlendSettings(partner=1)
    made = [
        blend_pair(face, generator(0, 0, 1), partner=picture(seed), partner_landmarks=marks,
                   landmarks=points, settings=always)
        for seed in (1, 2)
        for marks in (points, turned)
    ]  # fmt: skip
    assert same(made[1], made[3])
    assert not same(made[0], made[2])


@given(st.integers(0, 10_000), st.floats(0.2, 2))
@settings(max_examples=30, deadline=None)
def test_mismatches_keep_shape_and_type(seed, strength):
    face, rng = picture(seed % 5, 48), np.random.default_rng(seed)
    for change in (recolour, refocus):
        changed = change(face, rng, strength)
        assert changed.shape == face.shape
        assert changed.dtype == np.uint8
    assert displace(face, np.array([24.0, 24.0]), rng, strength).shape == face.shape


def test_recolouring_by_nothing_changes_nothing():
    face = picture(0)
    changed = [recolour(face, np.random.default_rng(s), 0.0) for s in range(10)]
    assert max(np.abs(c.astype(int) - face).max() for c in changed) <= 4  # the trip through HSV


def test_rescaling_loses_detail_and_compression_costs_quality():
    face = picture(0)
    detail = [
        np.abs(np.diff(rescale(face, f, cv2.INTER_LINEAR).astype(float))).mean() for f in (0.3, 0.9)
    ]
    assert detail[0] < detail[1]
    for codec in (".jpg", ".webp"):
        error = [np.abs(code_still(face, codec, q).astype(int) - face).mean() for q in (20, 95)]
        assert error[0] > 1.5 * error[1]


def test_colours_are_matched_inside_the_mask():
    source, target = picture(1), picture(2)
    mask = np.zeros((96, 96), np.float32)
    mask[20:70, 30:80] = 1
    matched = match_colours(source, target, mask, 1.0)
    inside = mask > 0.5
    before = np.abs(source[inside].mean(0) - target[inside].mean(0)).max()
    assert np.abs(matched[inside].mean(0) - target[inside].mean(0)).max() < 0.2 * before + 2
    assert np.array_equal(match_colours(source, target, mask, 0.0), source)


def test_similar_faces_are_the_nearest_by_exhaustive_search():
    rng = np.random.default_rng(0)
    faces = [np.full((64, 64, 3), v, np.uint8) for v in rng.integers(0, 255, 12)]
    marks = [ALIGNED * 64 + rng.normal(0, 2, (5, 2)) for _ in faces]
    near = similar_faces(faces, marks, count=3)

    def feature(face, points):
        unit = np.linalg.norm(points[1] - points[0])
        return np.append(((points - points.mean(0)) / unit).ravel(), face[0, 0] / 40)

    features = [feature(f, p) for f, p in zip(faces, marks, strict=True)]
    for i, row in enumerate(near):
        others = [j for j in range(12) if j != i]
        expected = sorted(others, key=lambda j: float(np.linalg.norm(features[i] - features[j])))
        assert list(row) == expected[:3]


def test_an_epoch_shows_every_face_once_with_its_blend():
    faces = [np.full((32, 32, 3), 20 * i, np.uint8) for i in range(7)]
    settings = BlendSettings(colour=0, detail=0, frame=0, decay=0)
    batches = list(pair_batches(faces, [None] * 7, seed=1, epoch=2, pairs=3, settings=settings))
    assert [len(b[1]) for b in batches] == [6, 6, 2]
    seen = [int(image[0, 0, 0]) for images, *_ in batches for image in images[: len(images) // 2]]
    assert sorted(seen) == [20 * i for i in range(7)]
    assert seen != sorted(seen)
    for images, labels, masks in batches:
        half = len(labels) // 2
        assert images.dtype == np.uint8
        assert labels.tolist() == [0] * half + [1] * half
        assert masks[:half].max() == 0
        assert masks[half:].reshape(half, -1).max(1).min() > 0.4


def test_epochs_repeat_and_differ():
    faces = [picture(i, 48) for i in range(4)]
    partners = similar_faces(faces, [None] * 4, count=2)

    def epoch(number, seed=0):
        return next(
            pair_batches(faces, [None] * 4, seed=seed, epoch=number, pairs=4, partners=partners)
        )[0]

    assert np.array_equal(epoch(0), epoch(0))
    assert not np.array_equal(epoch(0), epoch(1))
    assert not np.array_equal(epoch(0), epoch(0, seed=1))


def test_batch_size_does_not_change_a_pair():
    faces = [picture(i, 48) for i in range(4)]
    whole = next(pair_batches(faces, [None] * 4, seed=0, epoch=0, pairs=4))[0]
    single = [b[0] for b in pair_batches(faces, [None] * 4, seed=0, epoch=0, pairs=1)]
    assert np.array_equal(whole[:4], np.concatenate([s[:1] for s in single]))
    assert np.array_equal(whole[4:], np.concatenate([s[1:] for s in single]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"real": np.zeros((8, 9, 3), np.uint8)}, "real must be a square"),
        ({"real": np.zeros((8, 8, 3), np.float32)}, "float32"),
        ({"partner": np.zeros((16, 16, 3), np.uint8)}, "partner must be"),
        ({"landmarks": np.zeros((68, 2))}, r"landmarks must be \(5, 2\)"),
        ({"landmarks": np.full((5, 2), np.nan)}, "finite"),
    ],
)
def test_wrong_input_is_named(change, words):
    arguments = {"real": picture(0, 32)} | change
    with pytest.raises(ValueError, match=words):
        blend_pair(arguments.pop("real"), generator(0, 0, 0), **arguments)


def test_an_unknown_region_is_named():
    with pytest.raises(ValueError, match="regions must be some of"):
        BlendSettings(regions=("ear",))


def test_blends_start_plain_to_see_and_end_as_usual() -> None:
    start, middle, end = (settings_at(share) for share in (0.0, 0.5, 1.0))
    assert end == BlendSettings()
    assert start.visible > middle.visible > end.visible
    assert start.decay < middle.decay < end.decay
    assert start.ratios == (1.0,)
