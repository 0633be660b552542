"""Remote scoring: processors find and cut faces, and GPUs elsewhere score them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from telltrace.checkpoint import Detector, load_detector, read_card
from telltrace.files import file_sha256
from telltrace.inference import Scanner, choose_device
from telltrace.pools import ask

from .worker import SplitScanner


class RemoteDetector(Detector):
    """Holds a detector's card, and sends resized crops to where its network is.

    It works within a job of `telltrace.pools` alone. ``number`` says which of the detectors it
    stands for.
    """

    def __init__(self, path: Path, number: int) -> None:
        super().__init__(nn.Identity(), read_card(path))
        self.number, self.sha256 = number, file_sha256(path)

    def score_resized(self, images: NDArray[np.uint8] | Tensor) -> NDArray[np.float64]:
        """As that of a `Detector`."""
        scores: NDArray[np.float64] = ask((self.number, np.asarray(images)))
        return scores


class ScoringServer:
    """The networks that answer them, on a GPU if there is one."""

    def __init__(self, paths: Sequence[Path], precision: Any) -> None:
        device = choose_device("auto")
        self.detectors = [load_detector(path, device, precision) for path in paths]

    def score(self, number: int, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """What detector ``number`` says of (B, image_size, image_size, 3) faces, (B,)."""
        return self.detectors[number].score_resized(images)


def split_scanner(paths: Sequence[Path], settings: dict[str, Any]) -> SplitScanner:
    """A scanner in two parts, each ready to be sent to where it works."""
    server = partial(ScoringServer, paths, settings.get("precision", "float32"))
    return SplitScanner(partial(_scanner, paths, settings), server)


def _scanner(paths: Sequence[Path], settings: dict[str, Any]) -> Scanner:
    remote = [RemoteDetector(path, number) for number, path in enumerate(paths)]
    return Scanner(remote, device="cpu", **settings)
