"""`telltrace show`: a manifest, blends of its real faces, or where detectors look, in a picture."""

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
    what: Literal["manifest", "blends", "attention"],
    manifest: list[Path],
    *,
    out: Path,
    columns: int = 8,
    count: int = 16,
    size: int = 128,
    epoch: int = 0,
    seed: int = 0,
    split: str | None = None,
    counts: list[int] = [4, 8, 16],  # noqa: B006
    method: Literal["fam", "gradcam"] = "fam",
) -> int:
    """Draw faces of a manifest, blends of its real faces, or what detectors look at in its fakes.

    Args:
        what: "manifest" draws a row for each data set, compression and method, in which a column
            shows the same people; "blends" draws real face, blend, mask and difference;
            "attention" draws average attention maps, one column a detector.
        manifest: One or more manifests, or packs; of "attention" the checkpoints too, or default.
        out: Picture to write (.png).
        columns: Faces in a row of "manifest".
        count: How many "blends".
        size: Side of a face, in pixels.
        epoch: Epoch of training whose "blends" are drawn.
        seed: Of the choice of people, and of the "blends".
        split: Only the rows of this split.
        counts: How many fakes, each of another video, a row of "attention" averages.
        method: Map of "attention": "fam" is the gradient at the pixels (Wang and Deng), which the
            SFIConv paper averages, "gradcam" weights the last features.
    """
    check_suffix(out, ".png")
    if what == "attention":
        return _attention(manifest, split, counts, method, out)
    if what == "blends":
        picture = _blends(manifest, split, count, size, epoch, seed)
    else:
        picture = _faces(manifest, split, columns, size, seed)
    with atomic_write(out) as partial:
        picture.save(partial, "PNG")
    print(f"{picture.width}x{picture.height} pixels -> {out}")
    return 0


def _attention(
    files: list[Path], split: str | None, counts: list[int], method: str, out: Path
) -> int:
    import numpy as np

    from telltrace.checkpoint import load_detector
    from telltrace.data.crops import Faces, check_cut, read_crops
    from telltrace.data.people import hash_of
    from telltrace.explanation import ATTENTION
    from telltrace.visualization import attention_figure, save_figure

    checkpoints = [file for file in files if file.suffix in (".safetensors", "")]
    manifests = [file for file in files if file not in checkpoints]
    if not checkpoints or not manifests:
        remedy = "Name checkpoints (or default) and then a manifest."
        raise OptionError("attention needs detectors and faces.", remedy=remedy)
    table, crop = read_crops(manifests, split=split)
    fakes = table[table.label == 1].drop_duplicates(["dataset", "method", "video"])
    fakes = fakes.sort_values("path", key=lambda paths: paths.map(hash_of))[: max(counts)]
    if len(fakes) < max(counts):
        remedy = "Give --counts, or more data."
        raise OptionError(f"There are forgeries of {len(fakes)} videos only.", remedy=remedy)
    faces = Faces(fakes, [crop] * len(fakes))
    shown: list[NDArray[np.uint8]] = []
    maps: dict[str, NDArray[np.float32]] = {}
    for path in checkpoints:
        detector = load_detector(None if str(path) == "default" else path)
        check_cut(crop, detector.crop)
        cut = [faces.cut(row, detector.crop) for row in range(len(fakes))]
        shown = shown or cut
        run = path.parent.name if path.stem in ("best", "last") else path.stem
        maps[f"{detector.card.detector}\n{run}"] = ATTENTION[method](detector, cut)
    save_figure(attention_figure(maps, np.stack(shown), counts), out)
    print(f"{len(fakes)} forgeries, {len(maps)} detectors -> {out}")
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
