"""Faces of a manifest as detectors see them, drawn."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.manifold import TSNE

from telltrace.checkpoint import Detector
from telltrace.data.crops import check_cut, cut_again
from telltrace.data.people import hash_of
from telltrace.errors import ManifestError, OptionError
from telltrace.faces.align import FaceCrop
from telltrace.visualization import attention_figure, inner_figure, scatter_figure

from .inside import embeddings, inner_maps
from .methods import explain_crops

BATCH = 32
"""Faces whose features are found at a time."""


def draw_attention(
    detectors: Mapping[str, Detector],
    table: pd.DataFrame,
    crop: FaceCrop,
    *,
    counts: Sequence[int] = (4, 8, 16),
    method: str = "fam",
) -> Figure:
    """Average attention maps of forgeries of different videos, as Figure 5 of Guo et al.

    Detectors go by the name of their column, ``method`` is a name of
    :data:`~telltrace.explanation.METHODS`, and each row averages a count of forgeries. An
    OptionError if there are fewer forged videos, a ManifestError if the crops cannot be cut as a
    detector wants them.
    """
    fakes = _one_a_video(table[table.label == 1], max(counts))
    if len(fakes) < max(counts):
        remedy = "Give --counts, or more data."
        raise OptionError(f"There are forgeries of {len(fakes)} videos only.", remedy=remedy)
    faces = [cut_for(detector, fakes, crop) for detector in detectors.values()]
    pairs = zip(detectors.items(), faces, strict=True)
    maps = {name: explain_crops(detector, crops, method) for (name, detector), crops in pairs}
    return attention_figure(maps, np.stack(faces[0]), counts)


def draw_inside(detector: Detector, table: pd.DataFrame, crop: FaceCrop, count: int = 8) -> Figure:
    """What the detector makes of faces on the way, a face a row, forgeries before reals.

    See :func:`~telltrace.explanation.inner_maps` for what is drawn and the errors.
    """
    halves = [_one_a_video(table[table.label == label], (count + label) // 2) for label in (1, 0)]
    rows = pd.concat(halves)
    faces = cut_for(detector, rows, crop)
    names = [f"{method}\n{video}" for method, video in zip(rows.method, rows.video, strict=True)]
    return inner_figure(inner_maps(detector, faces), faces, names)


def draw_embeddings(
    detector: Detector, table: pd.DataFrame, crop: FaceCrop, count: int = 600
) -> Figure:
    """The detector's features of faces in two dimensions (t-SNE), coloured by method.

    A ManifestError says that there are fewer than three faces.
    """
    order = table.assign(order=table.path.map(hash_of)).sort_values("order")
    order["turn"] = order.groupby(["dataset", "method"]).cumcount()
    rows = order.sort_values("turn", kind="stable")[:count]  # as many of each method
    if len(rows) < 3:
        raise ManifestError("needs at least three faces", path=table.attrs.get("file"))
    parts = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    found = np.concatenate([embeddings(detector, cut_for(detector, p, crop)) for p in parts])
    perplexity = min(30.0, (len(rows) - 1) / 3)
    places = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(found)
    kinds = rows.dataset + " " + rows.method
    return scatter_figure(places.astype(np.float32), kinds.tolist(), rows.label.tolist())


def cut_for(detector: Detector, table: pd.DataFrame, crop: FaceCrop) -> list[NDArray[np.uint8]]:
    """The faces of a table, (H, W, 3) RGB, cut again as the detector wants them.

    A ManifestError says that they were aligned otherwise.
    """
    check_cut(crop, detector.crop)
    return cut_again(table, crop, detector.crop)


def _one_a_video(table: pd.DataFrame, count: int) -> pd.DataFrame:
    """One face of each video, in the order of the hashes of their paths."""
    each = table.drop_duplicates(["dataset", "method", "compression", "video"])
    return each.sort_values("path", key=lambda paths: paths.map(hash_of))[:count]
