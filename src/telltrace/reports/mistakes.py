"""The faces that a detector got most wrong, one a video."""

import pandas as pd
from PIL import Image

from telltrace.columns import VIDEO_KEY
from telltrace.packs.pictures import decode, read_bytes
from telltrace.visualization.page import embed_png, figure, paragraph

SIDE = 132
"""Side of a thumbnail in pixels."""


def worst_mistakes(scores: pd.DataFrame, label: int, count: int) -> pd.DataFrame:
    """The reals with the highest scores, or the fakes with the lowest, the worst of each video."""
    judged = scores[scores["score"].notna() & (scores["label"] == label)]
    order = ["score", *VIDEO_KEY, "frame"]
    ranked = judged.sort_values(order, ascending=[label == 1] + [True] * 5, kind="stable")
    return ranked.drop_duplicates(VIDEO_KEY).head(count)


def thumbnails(rows: pd.DataFrame) -> str:
    """The rows' faces with their scores, as HTML; faces whose files are gone are counted."""
    shown, missing = [], 0
    for row in rows.itertuples(index=False):
        picture = _thumbnail(str(row.path))
        if picture is None:
            missing += 1
            continue
        name = f"{row.method} {row.video}, frame {row.frame}"
        caption = f"{row.score:.3f} {name}"
        shown.append(figure(embed_png(picture, alt=name, width=SIDE), caption))
    text = f'<div class="pictures">{"".join(shown)}</div>' if shown else ""
    if missing:
        text += paragraph(f"{missing} faces are not shown: their files are no pictures here.")
    return text


def _thumbnail(path: str) -> Image.Image | None:
    try:
        image = decode(read_bytes(path))
    except (OSError, ValueError):
        return None
    if image is None:
        return None
    picture = Image.fromarray(image)
    picture.thumbnail((SIDE, SIDE))
    return picture
