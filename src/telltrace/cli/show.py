"""`telltrace show`: faces, blends, spectra, and what detectors make of faces, as one picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from telltrace.errors import ManifestError, OptionError, check_not_negative, check_positive
from telltrace.files import atomic_write, check_output

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from PIL.Image import Image

Method = Literal[
    "map", "gradcam", "gradcam++", "layercam", "integrated-gradients", "occlusion", "attention",
    "residual", "fam",
]  # fmt: skip
"""Names of `telltrace.explanation.METHODS`, whose room imports torch."""

LOADED = 300
"""Real faces that are read, so that a similar one can be found for each blend."""


def show(
    what: Literal["manifest", "blends", "spectra", "attention", "inside", "embeddings"],
    manifest: list[Path],
    *,
    out: Path,
    columns: int = 8,
    count: int | None = None,
    size: int = 128,
    seed: int = 0,
    split: str | None = None,
    counts: Sequence[int] = (4, 8, 16),
    method: Method = "fam",
) -> int:
    """Draw faces of a manifest, blends of its real faces, spectra, or what detectors make of faces.

    Args:
        what: "manifest" draws a row for each data set, compression and method, in which a column
            shows the same people; "blends" draws real face, blend, mask and difference; "spectra"
            draws azimuthal averages by method. With checkpoints before the manifest, "attention"
            draws average attention maps, a column a detector; "inside" residuals, attention and
            local blocks of one detector; "embeddings" its features of faces, by method.
        manifest: Checkpoints (or default) if there are any, then one or more manifests or packs.
        out: Picture to write (.png).
        columns: Faces in a row of "manifest".
        count: How many "blends", faces of "inside", files a method of "spectra", and faces of
            "embeddings"; by default 16, 8, 200 and 600.
        size: Side of a face, in pixels.
        seed: Seed of the choice of people, and of the "blends".
        split: Only the rows of this split.
        counts: How many fakes, each of another video, a row of "attention" averages.
        method: Map of "attention": "fam" is the gradient at the pixels (Wang and Deng), which the
            SFIConv paper averages; the others are those of `telltrace explain`.
    """
    check_output(out, ".png")
    many = {"blends": 16, "inside": 8, "spectra": 200}.get(what, 600) if count is None else count
    check_positive(columns=columns, count=many, size=size, counts=min(counts))
    check_not_negative(seed=seed)
    if what in ("spectra", "attention", "inside", "embeddings"):
        from telltrace.visualization import save_figure

        if what == "spectra":
            figure = _spectra(manifest, split, many)
        else:
            figure = _draw(what, manifest, split, counts, many, method)
        save_figure(figure, out)
        print(f"{what} -> {out}")
        return 0
    if what == "blends":
        picture = _blends(manifest, split, many, size, seed)
    else:
        from telltrace.visualization import manifest_sheet

        rows = _rows(manifest, split)
        picture = manifest_sheet(rows, read_face, columns=columns, size=size, seed=seed)
    with atomic_write(out) as partial:
        picture.save(partial, "PNG")
    print(f"{picture.width}x{picture.height} pixels -> {out}")
    return 0


def _draw(
    what: str, files: list[Path], split: str | None, counts: Sequence[int], count: int, method: str
) -> "Figure":
    """What takes detectors too: their checkpoints stand before the manifests."""
    from telltrace.checkpoint import load_detector
    from telltrace.data.crops import read_crops
    from telltrace.explanation import draw_attention, draw_embeddings, draw_inside

    checkpoints = [file for file in files if file.suffix in (".safetensors", "")]
    manifests = [file for file in files if file not in checkpoints]
    if not manifests or not checkpoints or (what != "attention" and len(checkpoints) > 1):
        remedy = f"Name {'checkpoints' if what == 'attention' else 'one'} (or default) first."
        raise OptionError(f"{what} needs a detector and a manifest.", remedy=remedy)
    table, crop = read_crops(manifests, split=split)
    detectors = {}
    for path in checkpoints:
        detector = load_detector(None if str(path) == "default" else path)
        short = "/".join(path.with_suffix("").parts[-2:])
        name = str(path) if f"{detector.card.detector}\n{short}" in detectors else short
        detectors[f"{detector.card.detector}\n{name}"] = detector
    if what == "attention":
        return draw_attention(detectors, table, crop, counts=counts, method=method)
    (detector,) = detectors.values()
    draw = draw_inside if what == "inside" else draw_embeddings
    return draw(detector, table, crop, count)


def _spectra(manifest: list[Path], split: str | None, count: int) -> "Figure":
    import numpy as np

    from telltrace.auditing.spectra import spectrum_summary
    from telltrace.data.people import hash_of
    from telltrace.visualization import spectra_figure

    rows = _rows(manifest, split)
    rows = rows.sort_values("path", key=lambda paths: paths.map(hash_of))
    spectra = {}
    for (dataset, method), group in rows.groupby(["dataset", "method"], sort=False):
        found = [spectrum_summary(read_face(path)) for path in group.path[:count]]
        spectra[f"{dataset} {method}"] = np.stack(found)
    return spectra_figure(spectra)


def _rows(manifest: list[Path], split: str | None) -> "pd.DataFrame":
    """The rows of manifests, or those of one split."""
    from telltrace.auditing.media import read_rows

    rows = read_rows(manifest)
    if split is not None:
        rows = rows[rows.split == split]
    if rows.empty:
        remedy = "Leave --split out, or name another."
        raise OptionError(f"No row belongs to the split {split!r}.", remedy=remedy)
    return rows


def read_face(path: str) -> "NDArray[np.uint8]":
    """A crop, a picture, or the middle frame of a video, (H, W, 3) RGB."""
    from telltrace.faces.media import Sampling
    from telltrace.faces.reader import open_media
    from telltrace.files.pack import find_entry
    from telltrace.files.pictures import read_crop

    if find_entry(path) is not None:
        return read_crop(path)
    return next(iter(open_media(path, Sampling("spread", 1)))).image


def _blends(manifest: list[Path], split: str | None, count: int, size: int, seed: int) -> "Image":
    from telltrace.data.blending import draw_blend, similar_faces
    from telltrace.data.crops import crop_landmarks, read_crops
    from telltrace.visualization import blend_sheet

    table, crop = read_crops(manifest, split=split)
    reals = table[table.label == 0].sample(frac=1, random_state=seed)
    if reals.empty:
        raise ManifestError("No real face is in the manifest: blends are made of reals.")
    turn = reals.groupby("video", sort=False).cumcount()  # one a video as far as possible
    reals = reals.loc[turn.sort_values(kind="stable").index[:LOADED]].reset_index(drop=True)
    images, landmarks = [read_face(path) for path in reals.path], crop_landmarks(reals, crop)
    partners = similar_faces(images, landmarks) if len(images) > 1 else None
    blends = [
        draw_blend(images, landmarks, partners, index, (seed, 0))
        for index in range(min(count, len(images)))
    ]
    return blend_sheet(blends, reals.video[:count].tolist(), size=size)
