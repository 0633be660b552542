"""`prepare`: a data set in, face crops and a manifest out; what it needs is loaded when called."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import OptionError

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
        if self.step < 1 or (self.frames is not None and self.frames < 1):
            raise OptionError(f"step and frames must be at least 1, got {self}.")


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
        if not self.scale > 0:
            raise OptionError(f"scale must be positive, got {self.scale}.")

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
        return (
            f"{self.media} media ({self.reused} from an earlier run, {self.failures} without a "
            f"face, {self.partial} damaged): {len(self.manifest)} crops; a face in "
            f"{self.frames_with_face} of {self.frames_read} frames ({share:.2%}); "
            f"{self.seconds:.1f} s, {self.frames_per_second:.1f} frames/s"
        )


def prepare(
    source: str | Path,
    *,
    out: str | Path,
    layout: str = "folder",
    compressions: Sequence[str] = (),
    methods: Sequence[str] = (),
    name: str | None = None,
    label: Literal["real", "fake"] | None = None,
    splits: Sequence[str] = (),
    relocate: Sequence[str] = (),
    fakes: int | None = None,
    protocol: str | None = None,
    frames: float = 32,
    sample: Literal["spread", "every", "fps", "all"] = "spread",
    size: int = 256,
    margin: float = 1.3,
    alignment: Literal["box", "similarity"] = "box",
    faces: Literal["one", "all"] = "one",
    paper: PaperSampling | None = None,
    workers: int | None = None,
) -> Prepared:
    """Turn a dataset's videos and pictures into face crops and a manifest.

    Can be stopped at any moment and run again: it goes on where it was. Media that gave no
    face are listed with the reason in OUT/failures.csv. Layouts that list face crops (sficonv,
    ba-lists, deepfakebench) cut nothing: say with --size, --margin and --alignment how their
    crops were cut.

    Args:
        source: Folder of the dataset, a list of its files, or a manifest of media.
        out: Folder for the crops, manifest.csv and failures.csv.
        layout: "folder" for real/ and fake/, "table" or "manifest" for CSV or parquet, "ffpp",
            "dfd", "celeb-df-v1", "celeb-df-v2", "dfdc", "dfdc-preview", "deeper-forensics", "hff",
            "uadfv", "dfdc-faces", "lfw", "utkface", "splices", "generated", "real-clips",
            "sficonv", "ba-lists" or "deepfakebench".
        compressions: FaceForensics++ only: any of c0, c23, c40; by default c23.
        methods: ffpp and deeper-forensics only: manipulations; by default those that are there.
        name: Folders and lists only: name of the data set; by default the folder's.
        label: Folders only: what everything in the folder is, when it has no real/ and fake/.
        splits: Lists only: which of their splits to read; by default all.
        relocate: Lists only: old and new beginning of the paths in them.
        fakes: dfdc-faces only: fakes to take of each group; by default all.
        protocol: Split to assign, such as ffpp-pairs, ffpp-official or by-identity.
        frames: How much of a video to take; see --sample.
        sample: "spread" takes FRAMES frames evenly over the whole video, "every" each
            FRAMES-th, "fps" FRAMES a second, "all" all of them.
        size: Side of a crop, in pixels.
        margin: Side of the square crop as a multiple of the face box.
        alignment: "box" cuts upright, "similarity" turns and scales by five landmarks.
        faces: The main person's face in each frame, or all faces.
        paper: Videos, frames and faces in the numbers of a paper, in place of --frames and
            --sample; see recipes/data.
        workers: Processes; by default one for each core.

    Raises:
        ManifestError: If the data set is not laid out so, or not one medium gave a face.
        OutputError: If ``out`` holds crops of other settings, or cannot be written.
    """
    from ..faces.align import FaceCrop
    from ..faces.media import Sampling
    from .cropping import adopt_crops, crop_media, is_crops
    from .datasets import read_layout
    from .protocols import assign_split

    if len(relocate) not in (0, 2):
        raise OptionError(f"relocate is an old and a new beginning of paths, got {relocate}")
    parts = {"compressions": compressions, "methods": methods, "splits": splits, "fakes": fakes}
    about = {"name": name, "label": label, "relocate": tuple(relocate)}
    media = read_layout("table" if layout == "manifest" else layout, source, **parts, **about)
    if protocol is not None:
        media = assign_split(media, protocol)
        paper = paper and replace(paper, own_splits=True)
    crop = FaceCrop(size=size, margin=margin, alignment=alignment)
    if is_crops(media):
        return Prepared(adopt_crops(media, out, crop))
    return crop_media(media, out, crop, paper or Sampling(sample, frames), workers, faces=faces)
