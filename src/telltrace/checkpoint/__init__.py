"""A trained detector in one file: its weights and, in the same file, all that its score depends on.

The file is safetensors; the card is JSON in its header. Nothing is ever unpickled, so a
checkpoint from a stranger can be opened without running the stranger's code.
"""

from typing import TYPE_CHECKING

from telltrace.evaluation.calibration import Calibration, VideoCalibration
from telltrace.renamed import old_names

from .card import Card
from .detector import Detector, Ensemble, probabilities
from .hub import from_pretrained, push_to_hub, save_pretrained
from .loading import ALLOWED, load_detector, resolve_backend
from .reading import BUNDLED, read_card, read_tensors, save_checkpoint, write_tensors

__all__ = [
    "ALLOWED", "BUNDLED", "Calibration", "Card", "Detector", "Ensemble", "VideoCalibration",
    "from_pretrained", "load_detector", "probabilities", "push_to_hub",
    "read_card", "read_tensors", "resolve_backend", "save_checkpoint", "save_pretrained",
    "write_tensors",
]  # fmt: skip

if not TYPE_CHECKING:
    __getattr__ = old_names(__name__, {"Judge": "Detector", "load_checkpoint": "load_detector"})
