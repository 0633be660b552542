"""Face crops to compare two forms of a detector on, and to calibrate integers with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from telltrace.data.crops import check_cut, cut_again, read_crops
from telltrace.data.transforms import Preprocessing
from telltrace.faces.detect import Face
from telltrace.files.pictures import read_crop

BOX: Final = (178.0, 120.0, 350.0, 330.0)
LANDMARKS: Final = ((221.0, 191.0), (307.0, 187.0), (268.0, 232.0), (238.0, 277.0), (297.0, 277.0))
"""Where the face is in matplotlib's portrait of Grace Hopper (US Navy, public domain)."""
Pixels = NDArray[np.uint8]


class Crops(NamedTuple):
    """Crops at a detector's size, and what is known of them."""

    images: Pixels
    """(N, S, S, 3) RGB."""
    rows: pd.DataFrame | None
    """Their rows of the manifest; None for the photograph."""


def example_crops(
    preprocessing: Preprocessing, manifest: Sequence[str | Path], samples: int
) -> Crops:
    """As many crops as wanted, evenly spaced in the manifests, or cut out of a photograph.

    The photograph ships with matplotlib; its crops differ in place, size, light and side.
    """
    if not manifest:
        return Crops(_photograph(preprocessing, samples), None)
    table, crop = read_crops(manifest)
    check_cut(crop, preprocessing.crop)
    chosen = np.unique(np.linspace(0, len(table) - 1, min(samples, len(table))).round().astype(int))
    rows = table.iloc[chosen].reset_index(drop=True)
    cut = cut_again(rows, crop, preprocessing.crop)
    return Crops(np.stack([preprocessing.resize(one) for one in cut]), rows)


def _photograph(preprocessing: Preprocessing, samples: int) -> Pixels:
    from matplotlib import cbook

    picture = read_crop(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    generator = np.random.default_rng(0)
    images = []
    for number in range(samples):
        scale, light = 1 + 0.15 * generator.standard_normal(), generator.uniform(0.5, 1.2)
        box, landmarks = np.array(BOX).reshape(2, 2), np.array(LANDMARKS)
        centre = box.mean(0) + generator.normal(0, 8, 2)
        place = [(points - box.mean(0)) * max(scale, 0.5) + centre for points in (box, landmarks)]
        left, top, right, bottom = place[0].flatten().tolist()
        face = Face((left, top, right, bottom), place[1].astype(np.float32), 1.0)
        crop = preprocessing.resize(preprocessing.crop.cut(picture, face))
        seen = np.clip(crop * light, 0, 255).astype(np.uint8)
        images.append(seen[:, ::-1] if number % 2 else seen)
    return np.stack(images)
