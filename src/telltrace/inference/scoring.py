"""Score the face crops of a manifest."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from telltrace.backends import Backend, choose_device
from telltrace.checkpoint import Detector, load_detector
from telltrace.data.crops import Faces, check_cut, read_crops, read_undetected
from telltrace.data.loader import FaceDataset
from telltrace.errors import check_positive
from telltrace.evaluation.scores import COLUMNS, add_unjudged
from telltrace.faces.align import FaceCrop
from telltrace.jobs.progress import logger, progress


def predict(
    manifest: str | Path | Sequence[str | Path],
    *,
    detector: str | Path | Detector | None = None,
    split: str | None = None,
    protocol: str | None = None,
    batch_size: int = 32,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    backend: Backend = "auto",
) -> pd.DataFrame:
    """Score the face crops of manifests.

    The scores table has a row a crop, and for media that gave no face a row without a score, of
    which the column ``status`` says why; ``size`` is the longer side of each face in its medium, in
    pixels. What cannot be used is a TelltraceError.

    Args:
        manifest: One or more manifests or packs of face crops.
        detector: A checkpoint or a loaded one; by default the one in the package.
        split: Only the rows of this split, such as test.
        protocol: Split to assign first; by default the manifest's own.
        batch_size: Crops per call of the network.
        device: Where to compute.
        backend: What computes; see `load_detector`.
    """
    manifests = [manifest] if isinstance(manifest, str | Path) else list(manifest)
    table, crop = read_crops(manifests, protocol=protocol, split=split)
    missed, silent = read_undetected(manifests, protocol=protocol, split=split)
    if not isinstance(detector, Detector):
        detector = load_detector(detector, choose_device(device, backend), backend=backend)
    scores = score_crops(detector, table, crop, batch_size=batch_size)
    boxes = table["box"].str.split(expand=True).reindex(columns=range(4)).astype(np.float64)
    if boxes.notna().all(axis=None):
        left, top, right, bottom = boxes.to_numpy().T
        scores["size"] = np.round(np.maximum(right - left, bottom - top), 1)
    for one in silent:
        logger.info("%s: does not say which media gave no face; the table lacks them", one)
    return add_unjudged(scores, missed)


def score_crops(
    detector: Detector, manifest: pd.DataFrame, crop: FaceCrop, *, batch_size: int = 32
) -> pd.DataFrame:
    """The scores table of a manifest of face crops that were cut so, in the manifest's order.

    Upright crops of another margin or size are cut again as the detector wants them; what is
    tighter than that is shown as it is. A crop that is missing, or aligned in another way than the
    detector was trained on, is a TelltraceError.
    """
    check_positive(batch_size=batch_size)
    scores = [_score_each(member, manifest, crop, batch_size) for member in detector.members]
    found = detector.combine(np.stack(scores, axis=1))
    return manifest.assign(score=found)[COLUMNS].reset_index(drop=True)


def _score_each(
    detector: Detector, manifest: pd.DataFrame, crop: FaceCrop, batch_size: int
) -> NDArray[np.float64]:
    """What one network says of each crop."""
    preprocessing = detector.card.preprocessing
    check_cut(crop, detector.crop)
    faces = FaceDataset(manifest, preprocessing, cache_bytes=0)
    wide = Faces(manifest, [crop] * len(manifest))
    scores: list[float] = []
    with progress("Scoring", len(faces), "faces") as advance:
        for start in range(0, len(faces), batch_size):
            rows = range(start, min(start + batch_size, len(faces)))
            if crop == detector.crop:
                images = [faces.image(row) for row in rows]
            else:
                images = [preprocessing.resize(wide.cut(row, detector.crop)) for row in rows]
            scores += detector.score_resized(np.stack(images)).tolist()
            advance(len(rows))
    return np.array(scores)
