"""Which parts of a face a map names, in words."""

from typing import Final

import numpy as np

from telltrace.explanation.regions import Maps, Share, mean_shares, region_shares, shares_in_words
from telltrace.faces.align import FaceCrop
from telltrace.faces.detect import Face
from telltrace.faces.rectangles import RULES
from telltrace.inference.verdict import TrackVerdict

DARK: Final = 0.1
"""A map of probabilities names no region below this."""
NO_REGIONS: Final = "The crop does not tell where the parts of the face are."


def crop_regions(
    found: Maps, crop: FaceCrop, face: Face, shape: tuple[int, int]
) -> dict[str, Share]:
    """How a map of a face is spread over its regions.

    Empty where a published crop says nothing of where the landmarks lie. ``shape`` is (height,
    width) of the upright frame.
    """
    if crop.alignment in ("whole", *RULES):
        return {}
    square = crop.square(face, shape) if crop.alignment == "box" else None
    return region_shares(found, crop.place(face.landmarks, face, square), crop.size)


def say_where(shares: dict[str, Share], highest: float, probability: bool) -> str:
    """One sentence about a map, a ``probability`` or not, whose highest value is given."""
    if probability and highest < DARK:
        return f"The detector takes no place for pasted: the highest has {highest:.1%}."
    return shares_in_words(shares) if shares else NO_REGIONS


def track_in_words(track: TrackVerdict, crop: FaceCrop, shape: tuple[int, int]) -> str:
    """`say_where` of the maps that a scan has just given for one person; "" without any."""
    looks = [face for face in track.faces if face.map is not None and face.seen is not None]
    maps = [np.divide(face.map.places, 255, dtype=np.float32) for face in looks if face.map]
    if not maps:
        return ""
    each = [
        crop_regions(found, crop, face.seen.face, shape)
        for found, face in zip(maps, looks, strict=True)
    ]
    highest = max(float(found.max()) for found in maps)
    return say_where(mean_shares([one for one in each if one]), highest, probability=True)
