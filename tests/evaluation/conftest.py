"""Scores tables of invented videos, laid out like FaceForensics++."""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

from telltrace.evaluation import COLUMNS

METHODS = {"Deepfakes": 2.0, "Face2Face": 1.0, "FaceSwap": 1.5, "NeuralTextures": 0.5}

collect_ignore = [] if find_spec("pyarrow") else ["test_parquet.py"]
"""Parquet is read with pyarrow, which an installation need not have."""

MakeScores = Callable[..., pd.DataFrame]


def ffpp_like(
    people: int = 4, frames: int = 3, compressions: tuple[str, ...] = ("c23",), seed: int = 0
) -> pd.DataFrame:
    """Pairs of people, each forged with the other's face by every method."""
    rng, rows = np.random.default_rng(seed), []
    for compression in compressions:
        for one in range(people):
            mine, other = f"{one:03}", f"{one ^ 1:03}"
            videos = [("real", mine, mine, 0.0)]
            videos += [(m, f"{mine}_{other}", f"{mine}+{other}", x) for m, x in METHODS.items()]
            for method, video, identity, shift in videos:
                logits = rng.normal(shift - 1, 1) + rng.normal(size=frames)
                for k, score in enumerate(1 / (1 + np.exp(-logits))):
                    path = f"{compression}/{method}/{video}/{k}.png"
                    label = int(method != "real")
                    key = (path, "FaceForensics++", label, method, compression, video, identity)
                    rows.append((*key, "test", k, k / 25, score))
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.fixture
def make_scores() -> MakeScores:
    return ffpp_like


@pytest.fixture
def rich(make_scores: MakeScores) -> pd.DataFrame:
    """Two tracks a video, some frames not judged."""
    frame = make_scores(people=12, compressions=("c23", "c40")).sample(frac=1, random_state=1)
    frame = frame.assign(track=["left", "right"] * (len(frame) // 2), status="").reset_index()
    frame.loc[:4, ["score", "status"]] = [np.nan, "NO_FACE"]
    frame.loc[5:6, ["score", "status"]] = [np.nan, "UNREADABLE"]
    return frame
