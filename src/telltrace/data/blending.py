"""Pseudo-fakes made on line from real faces, so that a detector can learn from reals alone.

A blend pastes a changed copy of a face, or a similar face, back into the picture through a soft
mask. Real and fake of a pair then share every later step, down to the compressor's quality:
all that is left to tell them apart is the blend.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from telltrace.pixels.augmentations import generator

from ..errors import OptionError
from . import blending_mismatch as mismatch
from .blending_masks import ALIGNED, FREQUENCIES, Floats, Picture, region_mask, soften

BORDER = 0.05
"""Widest blur of a mask's border, as a share of the crop."""
MISFIT = 0.15
"""Largest mean distance between the landmarks of two faces, laid over one another, in distances of
the eyes; a face that is turned another way is not pasted."""


@dataclass(frozen=True)
class BlendSettings:
    """How blends are drawn; a strength of 0 switches a step off and 1 is the default amount.

    Args:
        regions: Regions to draw from, a subset of `FREQUENCIES`.
        colour: Strength of the colour mismatch between the two layers.
        detail: Strength of the mismatch in sharpness, resolution, grain and compression.
        motion: Strength of the displacement and deformation of the pasted layer.
        ratios: Opacities of the pasted layer, drawn evenly.
        partner: Probability that a similar face is pasted where one is given.
        frame: Strength of the flip, zoom, shift and turn that real and fake share.
        decay: Strength of the colour, blur, grain and compression that real and fake share.
        visible: Smallest mean change inside the mask, in grey levels; fainter blends are redrawn.
    """

    regions: tuple[str, ...] = tuple(FREQUENCIES)
    colour: float = 1.0
    detail: float = 1.0
    motion: float = 1.0
    ratios: tuple[float, ...] = (0.5, 0.75, 1.0, 1.0, 1.0)
    partner: float = 0.25
    frame: float = 1.0
    decay: float = 1.0
    visible: float = 2.0

    def __post_init__(self) -> None:
        if not self.regions or not FREQUENCIES.keys() >= set(self.regions):
            what = f"regions must be some of {sorted(FREQUENCIES)}, got {list(self.regions)}."
            raise OptionError(what)


def settings_at(progress: float) -> BlendSettings:
    """From blends that a fresh network can see, at a progress of 0, to the usual ones, at 1."""
    easy = 1 - min(1.0, max(0.0, progress))
    return BlendSettings(
        colour=1 + 2 * easy,
        detail=1 + easy,
        motion=1 + easy,
        decay=1 - easy,
        visible=2 + 10 * easy,
        ratios=(1.0,) if easy > 0.4 else BlendSettings.ratios,
    )


class Blend(NamedTuple):
    """A real face, its forgery, and how opaque the paste is at each pixel."""

    real: Picture  # (S, S, 3)
    fake: Picture  # (S, S, 3)
    mask: Floats  # (S, S) in [0, 1]


def blend_pair(
    real: Picture,
    rng: np.random.Generator,
    *,
    landmarks: NDArray[np.floating] | None = None,
    partner: Picture | None = None,
    partner_landmarks: NDArray[np.floating] | None = None,
    settings: BlendSettings | None = None,
) -> Blend:
    """Make a pair of a real face and a forgery of it, every choice drawn from ``rng``.

    A similar face, the ``partner``, may be pasted instead of the face itself. Crops are (S, S, 3)
    RGB, landmarks (5, 2) eyes, nose and mouth corners in pixels of the crop; by default where they
    lie in most crops of margin 1.3. Pictures of another kind, or of two sizes, are an OptionError.

    References:
        Shiohara, Yamasaki: Detecting Deepfakes with Self-Blended Images, CVPR 2022, section 3.
        Li et al.: Face X-ray for More General Face Forgery Detection, CVPR 2020, section 3.2.
    """
    settings, size = settings or BlendSettings(), len(real)
    for name, image in {"real": real, "partner": partner}.items():
        if image is not None and (image.dtype != np.uint8 or image.shape != (size, size, 3)):
            raise OptionError(
                f"{name} must be a square uint8 RGB crop (S, S, 3) of one size for both faces, "
                f"got {image.dtype} {image.shape}. Cut it with telltrace.faces.align.FaceCrop."
            )
    points = _landmarks(landmarks, size)
    odds = np.array([FREQUENCIES[region] for region in settings.regions])
    for _ in range(4):
        region = settings.regions[int(rng.choice(len(odds), p=odds / odds.sum()))]
        mask = soften(region_mask(region, points, size, rng), rng, widest=BORDER)
        source = target = real
        if partner is not None and rng.random() < settings.partner:
            other = _fit(partner, _landmarks(partner_landmarks, size), points)
            if other is not None:
                source = mismatch.match_colours(other, real, mask, rng.uniform(0.5, 1))
        if rng.random() < 0.5:
            source = _differ(source, rng, settings)
        else:
            target = _differ(target, rng, settings)
        source = mismatch.displace(source, points.mean(0), rng, settings.motion)
        opacity = mask * np.float32(rng.choice(settings.ratios))
        fake = np.asarray(cv2.blendLinear(source, target, opacity, 1 - opacity), np.uint8)
        inside = np.asarray(mask >= 0.5, np.uint8)
        if sum(cv2.mean(cv2.absdiff(target, fake), mask=inside)[:3]) / 3 >= settings.visible:
            break
    affine = mismatch.draw_frame(size, rng, settings.frame)
    shown = [mismatch.reframe(image, affine) for image in (target, fake)]
    target, fake = mismatch.degrade(shown, rng, settings.decay)
    return Blend(target, fake, mismatch.reframe(opacity, affine))


def _landmarks(landmarks: NDArray[np.floating] | None, size: int) -> Floats:
    if landmarks is None:
        return ALIGNED * np.float32(size)
    if landmarks.shape != (5, 2) or not np.isfinite(landmarks).all():
        raise OptionError(f"landmarks must be (5, 2) finite pixels, got {landmarks.shape}.")
    return landmarks.astype(np.float32)


def _differ(image: Picture, rng: np.random.Generator, settings: BlendSettings) -> Picture:
    """Change the colour, the detail, or both, of one layer."""
    which = rng.random()
    if which < 0.75 and settings.colour > 0:
        image = mismatch.recolour(image, rng, settings.colour)
    if which > 0.25 and settings.detail > 0:
        image = mismatch.refocus(image, rng, settings.detail)
    return image


def _fit(partner: Picture, theirs: Floats, ours: Floats) -> Picture | None:
    """Warp a partner so that its landmarks fall on ours; None if they do not come near them."""
    affine, _ = cv2.estimateAffinePartial2D(theirs, ours, method=cv2.LMEDS)
    if affine is None:
        return None
    apart = np.linalg.norm(theirs @ affine[:, :2].T + affine[:, 2] - ours, axis=1).mean()
    near = apart <= MISFIT * np.linalg.norm(ours[1] - ours[0])
    return mismatch.reframe(partner, affine) if near else None


def similar_faces(
    images: Iterable[Picture], landmarks: Sequence[NDArray[np.floating] | None], count: int = 10
) -> NDArray[np.intp]:
    """For each face the `count` others nearest in pose and complexion, (N, min(count, N - 1)).

    Pose is the place of the landmarks about their centre, in eye distances; complexion is the
    mean colour around the nose, where 40 grey levels weigh as much as one eye distance.

    References:
        Li et al.: Face X-ray for More General Face Forgery Detection, CVPR 2020, section 3.2.
    """
    features = []
    for image, given in zip(images, landmarks, strict=True):
        points = _landmarks(given, image.shape[0])
        unit = max(1.0, float(np.linalg.norm(points[1] - points[0])))
        x, y = np.clip(np.rint(points[2]), 0, image.shape[0] - 1).astype(int)
        reach = max(1, round(0.4 * unit))
        patch = image[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach]
        pose = (points - points.mean(0)) / unit
        features.append(np.concatenate([pose.ravel(), patch.mean((0, 1)) / 40]))
    table = np.array(features)
    squares = (table**2).sum(1)
    distances = squares[:, None] + squares - 2 * table @ table.T
    np.fill_diagonal(distances, np.inf)
    return np.argsort(distances, axis=1, kind="stable")[:, : min(count, len(table) - 1)]


def draw_blend(
    images: Sequence[Picture],
    landmarks: Sequence[NDArray[np.floating] | None],
    partners: NDArray[np.intp] | None,
    index: int,
    seeds: tuple[int, int],
    settings: BlendSettings | None = None,
) -> Blend:
    """The blend of one of many faces, as `pair_batches` draws it from seed, epoch and index."""
    rng = generator(*seeds, index)
    other = None if partners is None else int(rng.choice(partners[index]))
    return blend_pair(
        images[index],
        rng,
        landmarks=landmarks[index],
        partner=None if other is None else images[other],
        partner_landmarks=None if other is None else landmarks[other],
        settings=settings,
    )


def pair_batches(
    images: Sequence[Picture],
    landmarks: Sequence[NDArray[np.floating] | None],
    *,
    seed: int,
    epoch: int,
    pairs: int = 16,
    partners: NDArray[np.intp] | None = None,
    settings: BlendSettings | None = None,
    start: int = 0,
) -> Iterator[tuple[Picture, NDArray[np.int64], Floats]]:
    """One epoch of real faces and their blends, from batch number ``start`` on.

    The order is drawn from (seed, epoch), every blend from these and the face's index. Faces are
    crops (S, S, 3) RGB, landmarks (5, 2) in pixels or None, partners (N, K) from `similar_faces`;
    without these every blend is a self-blend. The last batch may be of fewer ``pairs``.

    Shape:
        Yields pictures (2B, S, S, 3), labels (2B,) and masks (2B, S, S): first the reals, whose
        masks are empty, then their blends in the same order.
    """
    order = np.random.default_rng(np.random.SeedSequence((seed, epoch))).permutation(len(images))
    for first in range(start * pairs, len(order), pairs):
        blends = [
            draw_blend(images, landmarks, partners, int(index), (seed, epoch), settings)
            for index in order[first : first + pairs]
        ]
        masks = np.stack([b.mask for b in blends])
        yield (
            np.stack([b.real for b in blends] + [b.fake for b in blends]),
            np.repeat(np.array([0, 1]), len(blends)),
            np.concatenate([np.zeros_like(masks), masks]),
        )
