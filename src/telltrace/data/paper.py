"""What a paper took of a data set, and what preparing one gave."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ..errors import OptionError, check_not_negative, check_positive

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Steps:
    """Every ``step``-th frame of a video, and at most ``frames`` of them."""

    step: int = 1
    """N_iter: frames from one to the next."""
    frames: int | None = None
    """N_frames: how many from the beginning; None is all."""

    def __post_init__(self) -> None:
        check_positive(step=self.step, frames=self.frames)


@dataclass(frozen=True, kw_only=True)
class PaperSampling:
    """A data set as a paper describes it: videos, frames of each, faces in all, and their split.

    Examples:
        >>> PaperSampling(total=120_000, train=5, test=1).faces()
        {'train': 50000, 'test': 10000}
    """

    real: Steps = field(default_factory=Steps)
    """Frames of a real video."""
    fake: Steps = field(default_factory=Steps)
    """Frames of a fake video."""
    real_videos: int | None = None
    """Real videos, chosen at random; None is all."""
    fake_videos: int | None = None
    """Fake videos, chosen at random; None is all."""
    total: int | None = None
    """Faces, half of them real, chosen at random; None is all, in whatever proportion."""
    train: float = 0
    """Parts of the total in training, as in the 5 of 5:1."""
    val: float = 0
    """Parts in validation."""
    test: float = 1
    """Parts in the test."""
    own_splits: bool = False
    """Draw within the splits that the media have; without any, the parts above hold."""
    rest: Literal["", "train", "val"] = ""
    """Split of media that have none, where others have one; "" leaves them out."""
    people: Literal["apart", "shared"] = "apart"
    """Whether the parts above are of people, or of faces: "shared" has people and videos on both
    sides, as the published numbers can be read, and a warning says how many."""
    seed: int = 7
    """Other seeds choose other videos and faces."""
    scale: float = 1.0
    """Factor on all counts, to try a recipe on less data."""

    def __post_init__(self) -> None:
        shares = (self.train, self.val, self.test)
        if min(shares) < 0 or sum(shares) == 0:
            raise OptionError(f"train, val and test must be parts such as 5, 0, 1; got {shares}.")
        check_not_negative(seed=self.seed)
        check_positive(scale=self.scale)

    def shares(self) -> dict[str, float]:
        """Share of every split that gets any."""
        parts = {"train": self.train, "val": self.val, "test": self.test}
        return {split: part / sum(parts.values()) for split, part in parts.items() if part}

    def faces(self) -> dict[str, int]:
        """How many faces of each class a split gets, if there is a total."""
        half = (self.total or 0) * self.scale / 2
        return {split: round(half * share) for split, share in self.shares().items()}


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
        found = f"a face in {self.frames_with_face} of {self.frames_read} frames ({share:.2%})"
        if not self.frames_with_face:
            found = f"{self.frames_read} whole pictures, in which no face was looked for"
        return (
            f"{self.media} media ({self.reused} from an earlier run, {self.failures} without a "
            f"face, {self.partial} damaged): {len(self.manifest)} crops; {found}; "
            f"{self.seconds:.1f} s, {self.frames_per_second:.1f} frames/s"
        )
