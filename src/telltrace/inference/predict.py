"""Score the face crops of a manifest."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from telltrace.checkpoint import Detector
from telltrace.data.crops import Faces, check_cut
from telltrace.data.loader import FaceDataset
from telltrace.evaluation.scores import COLUMNS
from telltrace.faces.align import FaceCrop


def choose_device(name: str) -> str:
    """The device meant by ``auto``, ``cpu`` or ``cuda``.

    Raises:
        ValueError: If a GPU is asked for where there is none.
    """
    found = torch.cuda.is_available()
    if name == "cuda" and not found:
        raise ValueError("No CUDA device was found. Use --device cpu, or check the driver.")
    return "cuda" if found and name != "cpu" else "cpu"


def score_crops(
    judge: Detector,
    manifest: pd.DataFrame,
    crop: FaceCrop,
    *,
    batch_size: int = 32,
    after_batch: Callable[[int], None] = lambda done: None,
) -> pd.DataFrame:
    """The scores table of a manifest of face crops.

    Upright crops of another margin or size are cut again as the detector wants them. What is
    tighter than that is shown as it is, as a scan of such a picture would.

    Args:
        judge: The detector.
        manifest: Rows of face crops.
        crop: How they were cut.
        batch_size: Crops per call of the network.
        after_batch: Called with the number of crops in each finished batch.

    Returns:
        The manifest's naming columns, frame, time, label and score, in the manifest's order.

    Raises:
        ValueError: If the crops are aligned in another way than the detector was trained on.
        FileNotFoundError: If a crop is missing; the message names the file.
    """
    preprocessing = judge.card.preprocessing
    wanted = preprocessing.crop
    check_cut(crop, wanted)
    faces = FaceDataset(manifest, preprocessing, cache_bytes=0)
    wide = Faces(manifest, [crop] * len(manifest))
    scores: list[float] = []
    for start in range(0, len(faces), batch_size):
        rows = range(start, min(start + batch_size, len(faces)))
        images = [
            faces.image(row) if crop == wanted else preprocessing.resize(wide.cut(row, wanted))
            for row in rows
        ]
        scores += judge.score_resized(np.stack(images)).tolist()
        after_batch(len(rows))
    return manifest.assign(score=scores)[COLUMNS].reset_index(drop=True)
