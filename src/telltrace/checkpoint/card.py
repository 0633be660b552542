"""The card of a detector: all that its scores depend on besides its weights."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from telltrace.data.transforms import Preprocessing
from telltrace.errors import CheckpointError
from telltrace.evaluation.calibration import Calibration, VideoCalibration
from telltrace.evaluation.combination import Combination
from telltrace.evidence.quality import QualityBin
from telltrace.files.plain import from_plain

FORMAT: Final = "telltrace-checkpoint/1"


@dataclass(frozen=True, kw_only=True)
class Card:
    """What travels with the weights."""

    detector: str
    """Name in the registry."""
    options: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments of the detector's builder."""
    preprocessing: Preprocessing
    calibration: Calibration = field(default_factory=Calibration)
    video: VideoCalibration | None = None
    """None: looks are averaged and judged as a picture's."""
    labels: tuple[str, str] = ("real", "fake")
    """Meaning of logit 0 and logit 1."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Where the weights come from: data, their hash, recipe, commit, versions."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """What was measured, and on what."""
    quality: tuple[QualityBin, ...] = ()
    """Wrong verdicts on validation files, by what makes a file hard to judge."""
    members: tuple["Card", ...] = ()
    """The cards of the detectors of an ensemble, which are in the same file."""
    combination: Combination | None = None
    """How these become one; ``calibration`` and ``video`` are of all together."""

    def to_json(self) -> str:
        """The card as text; equal cards give equal text."""
        parts = {"format": FORMAT, **asdict(self)}
        if not self.members:  # earlier versions know no ensembles, and can read all else
            del parts["members"], parts["combination"]
        if not self.quality:
            del parts["quality"]
        return json.dumps(parts, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read back what :meth:`to_json` wrote; a CheckpointError for another format."""
        parts = json.loads(text)
        if (found := parts.pop("format", None)) != FORMAT:
            raise CheckpointError(f"Expected a card of format {FORMAT!r}, got {found!r}")
        return from_plain(cls, parts)
