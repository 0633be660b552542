"""`telltrace show`: a manifest, or blends of its real faces, as one picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from telltrace.errors import ManifestError, OptionError
from telltrace.files import atomic_write, check_suffix

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from PIL.Image import Image

LOADED = 300
"""Real faces that are read, so that a similar one can be found for each blend."""


def show(
    what: Literal["manifest", "blends"],
    manifest: list[Path],
    *,
    out: Path,
    columns: int = 8,
    count: int = 16,
    size: int = 128,
    epoch: int = 0,
    seed: int = 0,
    split: str | None = None,
) -> int:
    """Draw faces of a manifest by method and label, or blends of its real faces with their masks.

    Args:
        what: "manifest" draws a row for each data set, compression and method, in which a column
            shows the same people; "blends" draws real face, blend, mask and difference.
        manifest: One or more manifests, or packs.
        out: Picture to write (.png).
        columns: Faces in a row of "manifest".
        count: How many "blends".
        size: Side of a face, in pixels.
        epoch: Epoch of training whose "blends" are drawn.
        seed: Of the choice of people, and of the "blends".
        split: Only the rows of this split.
    """
    check_suffix(out, ".png")
    if what == "blends":
        picture = _blends(manifest, split, count, size, epoch, seed)
    else:
        picture = _faces(manifest, split, columns, size, seed)
    with atomic_write(out) as partial:
        picture.save(partial, "PNG")
    print(f"{picture.width}x{picture.height} pixels -> {out}")
    return 0


def _faces(manifest: list[Path], split: str | None, columns: int, size: int, seed: int) -> "Image":
    from telltrace.auditing.media import read_rows
    from telltrace.visualization import manifest_sheet

    rows = read_rows(manifest)
    if split is not None:
        rows = rows[rows.split == split]
    if rows.empty:
        remedy = "Leave --split out, or name another."
        raise OptionError(f"No row belongs to the split {split!r}.", remedy=remedy)
    return manifest_sheet(rows, read_face, columns=columns, size=size, seed=seed)


def read_face(path: str) -> "NDArray[np.uint8]":
    """A crop, a picture, or the middle frame of a video, (H, W, 3) RGB."""
    from telltrace.faces.media import Sampling
    from telltrace.faces.reader import open_media
    from telltrace.packs.pack import find_entry
    from telltrace.packs.pictures import read_crop

    if find_entry(path) is not None:
        return read_crop(path)
    return next(iter(open_media(path, Sampling("spread", 1)))).image


def _blends(
    manifest: list[Path], split: str | None, count: int, size: int, epoch: int, seed: int
) -> "Image":
    from telltrace.data.blending import blend_pair, similar_faces
    from telltrace.data.crops import crop_landmarks, read_crops
    from telltrace.pixels.augmentations import generator
    from telltrace.visualization import blend_sheet

    table, crop = read_crops(manifest, split=split)
    reals = _some_reals(table, seed)
    images, landmarks = [read_face(path) for path in reals.path], crop_landmarks(reals, crop)
    partners = similar_faces(images, landmarks) if len(images) > 1 else None
    blends, names = [], []
    for index in range(min(count, len(images))):
        rng = generator(seed, epoch, index)
        other = index if partners is None else int(rng.choice(partners[index]))
        pair = blend_pair(
            images[index],
            rng,
            landmarks=landmarks[index],
            partner=images[other] if partners is not None else None,
            partner_landmarks=landmarks[other] if partners is not None else None,
        )
        blends.append(pair)
        names.append(str(reals.video.iloc[index]))
    return blend_sheet(blends, names, size=size)


def _some_reals(table: "pd.DataFrame", seed: int) -> "pd.DataFrame":
    """Real faces drawn at random, one a video as far as possible."""
    reals = table[table.label == 0].sample(frac=1, random_state=seed)
    if reals.empty:
        raise ManifestError("No real face is in the manifest: blends are made of reals.")
    turn = reals.groupby("video", sort=False).cumcount()
    return reals.loc[turn.sort_values(kind="stable").index[:LOADED]].reset_index(drop=True)
