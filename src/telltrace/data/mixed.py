"""Pairs of a real face and a forgery from several sources: forgeries as given, or made on line.

A source says which data sets it draws from. Where the data knows which real face a forgery was
made from, the two make a pair; both then go through the same `conditions`.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, TypeVar

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from ..errors import ManifestError
from ..faces.align import FaceCrop
from ..faces.detect import Face
from ..pixels import Image
from .blending import BlendSettings, blend_pair, similar_faces
from .conditions import Masked, vary_pair
from .crops import Faces
from .loader import UNKNOWN
from .manifest import identities

Floats = NDArray[np.float32]
Item = TypeVar("Item")
Rows = defaultdict[tuple[str, ...], list[int]]
"""Numbers of rows, by what they share."""

PARTNERS = 20
"""Look-alikes of each face that may be pasted into it."""
Drawn = tuple[Image, Floats]
"""A real face and a forgery, (2, S, S, 3), and their masks, (2, S, S): 0 untouched to 1 forged, or
`UNKNOWN`."""


class GivenPairs:
    """Forgeries that the data holds, each beside the real face it came from where that is known.

    Every (data set, method, compression) is drawn equally often. A fake without a real face of its
    data set and compression is a ManifestError.
    """

    def __init__(self, faces: Faces) -> None:
        self.faces = faces
        self._fakes: Rows = defaultdict(list)
        self._reals: Rows = defaultdict(list)
        for number, row in enumerate(faces.rows):
            kind = row["dataset"], row["compression"]
            if row["label"]:
                self._fakes[(*kind, row["method"])].append(number)
                continue
            for key in (kind, *((*kind, name) for name in identities(row["identity"]))):
                self._reals[key].append(number)
        lonely = sorted({kind[:2] for kind in self._fakes} - self._reals.keys())
        if lonely or not self._fakes:
            what = f"no real faces of {lonely[0]}" if lonely else "no fakes"
            remedy = "Name other data sets."
            raise ManifestError(f"A source of given forgeries has {what}", remedy=remedy)

    def draw(self, rng: Generator, size: int) -> Drawn:
        """One pair at the network's size."""
        fake = _any(self._fakes[_any(sorted(self._fakes), rng)], rng)
        rows = self._partner(fake, rng), fake
        real, forged = map(self.faces.image, rows)
        pictures = [(real, np.zeros(real.shape[:2], np.float32)), (forged, None)]
        return _varied(pictures, [self.faces.face(row) for row in rows], rng, size)

    def _partner(self, fake: int, rng: Generator) -> int:
        """A real face of the same people, of the same moment if there is one; else any."""
        row = self.faces.rows[fake]
        kind, frame = (row["dataset"], row["compression"]), row["frame"]
        # the first name is the person who is seen; the second lent the face
        for name in identities(row["identity"]):
            if same := self._reals.get((*kind, name)):
                moment = [number for number in same if self.faces.rows[number]["frame"] == frame]
                return _any(moment if frame >= 0 and moment else same, rng)
        return _any(self._reals[kind], rng)


class BlendPairs:
    """Real faces and blends made of them on line.

    Every data set is drawn equally often, and within it every person. Without a real face that has
    landmarks it is a ManifestError.
    """

    def __init__(self, faces: Faces) -> None:
        self.faces = faces
        self._people: dict[str, Rows] = {}
        usable = []
        for number, row in enumerate(faces.rows):
            if row["label"] == 0 and row["box"] and row["landmarks"]:
                usable.append(number)
                people = self._people.setdefault(row["dataset"], defaultdict(list))
                people[row["identity"],].append(number)
        if not usable:
            raise ManifestError("A source of blends has no real face with landmarks.")
        landmarks = [faces.face(number).landmarks for number in usable]
        near = similar_faces(map(faces.image, usable), landmarks, PARTNERS)
        self._near = dict(zip(usable, np.array(usable)[near].tolist(), strict=True))
        self._settings = BlendSettings(frame=0, decay=0)  # `conditions` does that for both

    def draw(self, rng: Generator, size: int) -> Drawn:
        """One pair at the network's size."""
        people = self._people[_any(sorted(self._people), rng)]
        row = _any(people[_any(sorted(people), rng)], rng)
        image, face = self.faces.image(row), self.faces.face(row)
        partner = landmarks = None
        if near := self._near[row]:
            other = _any(near, rng)
            partner, landmarks = self.faces.image(other), self.faces.face(other).landmarks
            partner = partner if partner.shape == image.shape else None
        blend = blend_pair(
            image,
            rng,
            landmarks=face.landmarks,
            partner=partner,
            partner_landmarks=landmarks,
            settings=self._settings,
        )
        pictures = [(blend.real, np.zeros_like(blend.mask)), (blend.fake, blend.mask)]
        return _varied(pictures, [face, face], rng, size)


def _any(items: Sequence[Item], rng: Generator) -> Item:
    return items[int(rng.integers(len(items)))]


def _varied(pictures: Sequence[Masked], faces: Sequence[Face], rng: Generator, size: int) -> Drawn:
    shown = vary_pair(pictures, faces, rng, size)
    masks = [np.full((size, size), UNKNOWN, np.float32) if m is None else m for _, m in shown]
    return np.stack([image for image, _ in shown]), np.stack(masks)


Source = GivenPairs | BlendPairs


def create_source(
    table: pd.DataFrame,
    crops: Sequence[FaceCrop],
    datasets: Sequence[str],
    fakes: Literal["given", "blend"],
) -> Source:
    """The pairs that one source gives: forgeries as the data holds them, or blends of its reals.

    ``table`` holds the rows of one split of all manifests, ``crops`` how each was cut. A source
    that lacks a data set, or cannot make a pair, is a ManifestError.
    """
    known = set(table.dataset)
    for name in datasets:
        if name not in known:
            raise ManifestError(f"No face of the data set {name!r}; there are {sorted(known)}.")
    kept = np.flatnonzero(table.dataset.isin(datasets)).tolist()
    faces = Faces(table.iloc[kept], [crops[row] for row in kept])
    return GivenPairs(faces) if fakes == "given" else BlendPairs(faces)


def mixed_batch(
    sources: Sequence[tuple[Source, int]], seed: int, epoch: int, step: int, size: int
) -> tuple[Image, NDArray[np.int64], Floats]:
    """One batch: the reals of all sources, then their forgeries in the same order.

    A function of (seed, epoch, step), whoever asks and whenever; each source comes with the pairs
    that it gives, ``size`` is the side of the network's input.

    Shape:
        Pictures (2P, S, S, 3), labels (2P,) and masks (2P, S, S).
    """
    pairs = [
        source.draw(np.random.default_rng((seed, epoch, step, number, place)), size)
        for number, (source, count) in enumerate(sources)
        for place in range(count)
    ]
    images, masks = (np.stack(part, axis=1) for part in zip(*pairs, strict=True))
    labels = np.repeat(np.array([0, 1]), len(pairs))
    return np.concatenate(images), labels, np.concatenate(masks)
