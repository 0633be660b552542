"""What a call of `prepare` did."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did. ``seconds`` and ``reused`` speak of this run, the rest of the whole."""

    manifest: "pd.DataFrame"
    """The crops."""
    media: int = 0
    failures: int = 0
    """Media that gave no face; ``failures.csv`` says why."""
    partial: int = 0
    """Damaged media of which a part could be read; also in ``failures.csv``."""
    reused: int = 0
    """Media that an earlier run had done."""
    frames_read: int = 0
    frames_with_face: int = 0
    lost_packets: int = 0
    seconds: float = 0.0
    frames_per_second: float = 0.0
    """Frames read in this run, over its seconds."""

    def __str__(self) -> str:
        if not self.media:
            return f"{len(self.manifest)} crops, listed as they are"
        share = self.frames_with_face / max(self.frames_read, 1)
        return (
            f"{self.media} media ({self.reused} from an earlier run, {self.failures} without a "
            f"face, {self.partial} damaged): {len(self.manifest)} crops; a face in "
            f"{self.frames_with_face} of {self.frames_read} frames ({share:.2%}); "
            f"{self.seconds:.1f} s, {self.frames_per_second:.1f} frames/s"
        )
