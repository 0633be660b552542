"""Sheets of faces from a manifest: one row a method, people side by side."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .faces import COLOURS, contact_sheet, font

Pixels = NDArray[np.uint8]

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
