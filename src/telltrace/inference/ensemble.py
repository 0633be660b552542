"""One or several detectors of forgeries that answer as one: the mean of calibrated scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telltrace.checkpoint import Detector
from telltrace.faces.detect import Face
from telltrace.faces.media import Frame


@dataclass(frozen=True)
class Ensemble:
    """Detectors that are asked together; each gets the crop that it was trained on.

    Raises:
        ValueError: If there is none.
    """

    judges: tuple[Detector, ...]

    def __post_init__(self) -> None:
        if not self.judges:
            raise ValueError("An ensemble needs at least one detector, got none.")

    def score(
        self, pairs: Sequence[tuple[Frame, Face]], batch_size: int = 32
    ) -> NDArray[np.float64]:
        """Probability of forgery that each detector gives each face.

        Shape:
            N faces, each with the frame it is in, to (N, detectors)
        """
        columns = [self._ask(judge, pairs, batch_size) for judge in self.judges]
        return np.stack(columns, axis=1)

    def _ask(
        self, judge: Detector, pairs: Sequence[tuple[Frame, Face]], batch_size: int
    ) -> NDArray[np.float64]:
        crop = judge.card.preprocessing.crop
        scores = [np.zeros(0)]
        for start in range(0, len(pairs), batch_size):
            batch = pairs[start : start + batch_size]
            crops = np.stack([crop.cut(frame.image, face) for frame, face in batch])
            scores.append(judge.score(crops))
        return np.concatenate(scores)
