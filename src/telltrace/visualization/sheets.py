"""Sheets of faces: of a manifest, one row a method; and of blends, with what was forged."""

from collections.abc import Callable, Sequence
from typing import Final

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .faces import COLOURS, contact_sheet, font

Pixels = NDArray[np.uint8]

GAIN: Final = 4
"""How much the difference between real and blend is made stronger."""
PARTS: Final = ("real", "blend", "mask", f"difference x{GAIN}")
HEADING: Final = 24
"""Height of a row's heading, in pixels."""


def manifest_sheet(
    manifest: pd.DataFrame,
    read: Callable[[str], Pixels],
    *,
    columns: int = 8,
    size: int = 128,
    seed: int = 0,
) -> Image.Image:
    """Faces of every data set, compression and method, reals first.

    Within a data set a column shows the same people in every row, as far as they are there: the
    real face stands above its forgeries. Frames are those nearest the middle of their video.
    ``read`` gives the picture at a path, (H, W, 3) uint8 RGB; ``seed`` chooses the people where
    there are more than columns; a face has ``size`` pixels a side.
    """
    strips: list[tuple[pd.DataFrame, Image.Image]] = []
    for _, group in manifest.groupby(["dataset", "compression"], sort=True):
        people = _choose_people(group, columns, seed)
        for _, rows in group.groupby(["label", "method"], sort=True):
            chosen = _choose_rows(rows, people, columns)
            images = [read(path) for path in chosen.path]
            captions = list(map(_caption, chosen.video, chosen.frame, chosen.split))
            strips.append((rows, contact_sheet(images, captions, columns=columns, size=size)))
    width = max(sheet.width for _, sheet in strips)
    height = sum(sheet.height + HEADING for _, sheet in strips)
    page = Image.new("RGB", (width, height), "white")
    draw, top = ImageDraw.Draw(page), 0
    for rows, sheet in strips:
        colour = COLOURS["FAKE" if rows.label.iloc[0] else "REAL"]
        draw.text((8, top + 6), _title(rows), colour, font(15))
        page.paste(sheet, (0, top + HEADING))
        top += HEADING + sheet.height
    return page


def _choose_people(group: pd.DataFrame, count: int, seed: int) -> list[str]:
    """First-named people, spread over the group; those with both classes come first."""
    first = group.identity.str.partition("+")[0]
    classes = group.groupby(first).label.nunique()
    people = np.random.default_rng(seed).permutation(np.array(sorted(classes.index), dtype=object))
    ranked = sorted(people, key=lambda name: -int(classes[name]))
    return sorted(ranked[:count])


def _choose_rows(rows: pd.DataFrame, people: Sequence[str], count: int) -> pd.DataFrame:
    """A middle frame of each of these people, then of others, then further frames."""
    first = rows.identity.str.partition("+")[0]
    of_video = rows.groupby(["video"])
    place = (of_video.cumcount() + 0.5) / of_video.path.transform("size")
    order = pd.DataFrame(
        {
            "turn": (place - 0.5).abs().groupby(first).rank(method="first"),
            "stranger": ~first.isin(people),
            "person": first,
        }
    )
    order = order.sort_values(["turn", "stranger", "person"], kind="stable")
    chosen = rows.loc[order.index[:count]]
    return chosen.loc[first[chosen.index].sort_values(kind="stable").index]


def _title(rows: pd.DataFrame) -> str:
    one = rows.iloc[0]
    name = " ".join(part for part in (one.dataset, one.compression, one.method) if part)
    kind = "fake" if one.label else "real"
    name = name if one.method == kind else f"{name} ({kind})"
    return f"{name}: {len(rows)} files of {rows.video.nunique()} videos"


def _caption(video: str, frame: int, split: str) -> str:
    return f"{video}\n{split or 'no split'}{f', frame {frame}' if frame >= 0 else ''}"


def blend_sheet(
    blends: Sequence[tuple[Pixels, Pixels, NDArray[np.float32]]],
    names: Sequence[str],
    *,
    across: int = 2,
    size: int = 160,
) -> Image.Image:
    """Each blend as four pictures: real, blend, mask, and their difference made stronger.

    A blend is a real and a blended face (S, S, 3) and opacities (S, S) in [0, 1]; so many pairs
    stand ``across``, and a picture has ``size`` pixels a side.

    Examples:
        >>> face = np.zeros((64, 64, 3), np.uint8)
        >>> blend_sheet([(face, face + 9, np.ones((64, 64), np.float32))], ["a"], across=1).width
        680
    """
    images: list[Pixels] = []
    captions: list[str] = []
    for (real, fake, mask), name in zip(blends, names, strict=True):
        images += [real, fake, show_mask(mask), show_difference(real, fake)]
        inside = mask >= mask.max() / 2
        change = float(cv2.absdiff(real, fake)[inside].mean())
        notes = (
            name,
            f"changed by {change:.1f} levels",
            f"{inside.mean():.0%}, opacity {mask.max():.2f}",
            "",
        )
        captions += [f"{part}\n{note}" for part, note in zip(PARTS, notes, strict=True)]
    return contact_sheet(images, captions, columns=4 * across, size=size)


def show_mask(mask: NDArray[np.float32]) -> Pixels:
    """A mask as grey levels: black untouched, white opaque."""
    grey = np.clip(np.rint(mask * 255), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def show_difference(real: Pixels, fake: Pixels) -> Pixels:
    """The absolute difference of two pictures, made four times as strong."""
    return np.asarray(cv2.convertScaleAbs(cv2.absdiff(real, fake), alpha=GAIN), np.uint8)
