"""A scanner in two parts: faces are found and cut on processors, and judged on GPUs elsewhere."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from telltrace.checkpoint import BUNDLED, Card, Detector, load_detector, read_card
from telltrace.faces.detect import create_face_detector
from telltrace.pools import ask

from .answering import Parts
from .predict import choose_device
from .scanner import Scanner, ScanPlan


class DistantDetector(Detector):
    """Holds a detector's card, and sends resized crops to where its network is.

    It works within a job of `telltrace.pools` alone.

    Args:
        card: The detector's.
        number: Which of the detectors it stands for.
    """

    def __init__(self, card: Card, number: int) -> None:
        super().__init__(nn.Identity(), card)
        self.number = number

    def score_resized(self, images: NDArray[np.uint8] | Tensor) -> NDArray[np.float64]:
        """As that of a `Detector`."""
        scores: NDArray[np.float64] = ask((self.number, np.asarray(images)))
        return scores


class Judges:
    """The networks that answer them, on a GPU if there is one."""

    def __init__(self, judges: Sequence[Detector]) -> None:
        self.judges = tuple(judges)

    def score(self, number: int, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """What detector ``number`` says of (B, image_size, image_size, 3) faces, (B,)."""
        return self.judges[number].score_resized(images)


def parts_of(plan: ScanPlan) -> Parts:
    """A plan's scanner in two parts, each ready to be sent to where it works."""
    return Parts(partial(_scanner, plan), partial(_judges, plan))


def _paths(plan: ScanPlan) -> tuple[Path, ...]:
    return plan.checkpoints or (BUNDLED,)


def _scanner(plan: ScanPlan) -> Scanner:
    judges = [DistantDetector(read_card(path), i) for i, path in enumerate(_paths(plan))]
    return Scanner(judges, create_face_detector("cpu"), plan.settings)


def _judges(plan: ScanPlan) -> Judges:
    device, precision = choose_device("auto"), plan.settings.precision
    return Judges([load_detector(path, device, precision) for path in _paths(plan)])
