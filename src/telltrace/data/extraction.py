"""What is asked of a medium, what came out of it, and the mark that both leave beside the crops."""

import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from ..errors import OptionError
from ..faces.align import FaceCrop
from ..faces.media import Sampling, Status
from ..files import json_sha256, text_sha256

MARK: Final = "faces.json"
"""The file that says what a folder of crops holds. It comes into being with the folder."""
FORMAT_VERSION: Final = 1


@dataclass(frozen=True)
class ExtractSettings:
    """Everything that decides which crops come out of a medium."""

    crop: FaceCrop = field(default_factory=FaceCrop)
    sampling: Sampling = field(default_factory=Sampling)
    faces: Literal["one", "all"] = "one"
    """The one person that the video follows, or everybody in every frame."""
    limit: int | None = None
    """Frames of a medium after which the rest is left; None is all that the sampling gives."""

    def __post_init__(self) -> None:
        if self.faces not in ("one", "all"):
            raise OptionError(f'faces must be "one" or "all", got {self.faces!r}.')

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values = {
            "crop": self.crop.to_dict(),
            "sampling": asdict(self.sampling),
            "faces": self.faces,
            "jpeg_quality": None,  # PNG: crops of before are known by it
        }
        return values if self.limit is None else values | {"limit": self.limit}

    def digest(self) -> str:
        """Changes whenever the crops would."""
        return json_sha256([FORMAT_VERSION, self.to_dict()])[:16]


@dataclass(frozen=True)
class ExtractJob:
    """One medium and where its crops go."""

    path: str
    folder: str
    unfinished: str
    """Folder, on the same disk, for what is not complete yet."""
    settings: ExtractSettings
    mask: str = ""
    """Picture or video of what was forged in the medium, frame by frame; "" if there is none."""

    def mark(self) -> dict[str, Any]:
        """Digest of the settings; size in bytes and time of change of the medium and its mask."""
        found: dict[str, Any] = {"settings": self.settings.digest()}
        for key, file in {"source": self.path, "mask_source": self.mask}.items():
            if file:
                try:
                    stat = Path(file).stat()
                    found[key] = [stat.st_size, stat.st_mtime_ns]
                except (OSError, ValueError):
                    found[key] = None
        return found


@dataclass
class Extraction:
    """What came out of one medium, and why if nothing did."""

    status: str = ""
    """A ``Status``; "" if all went well."""
    reason: str = ""
    remedy: str = ""
    read: int = 0
    """Frames that were looked at."""
    with_face: int = 0
    lost: int = 0
    """Packets that could not be decoded."""
    faces: list[dict[str, Any]] = field(default_factory=list)
    """file, frame, time of every crop; its mask if any; where a face was looked for its box,
    landmarks, square and confidence."""


def write_mark(folder: Path, job: ExtractJob, found: Extraction) -> None:
    """Leave in ``folder`` what came out of a medium, and of which files under which settings."""
    (folder / MARK).write_text(json.dumps(job.mark() | asdict(found)), encoding="utf-8")


def read_mark(job: ExtractJob) -> Extraction | None:
    """What an earlier run left in the job's folder; None if it must be done again.

    It holds if the settings, the medium and its mask are what they were, and every crop is there.
    Media that could not be read are tried again.
    """
    try:
        mark = json.loads(Path(job.folder, MARK).read_text(encoding="utf-8"))
        present = {entry.name for entry in os.scandir(job.folder)}
    except (OSError, ValueError):
        return None
    known = {key: mark.pop(key, None) for key in ("settings", "source", "mask_source")}
    if known != {"mask_source": None} | job.mark():
        return None
    found = Extraction(**mark)
    files = {face[key] for face in found.faces for key in ("file", "mask") if key in face}
    holds = present.issuperset(files) and (found.faces or found.status == Status.NO_FACE)
    return found if holds else None


def medium_folder(*names: str) -> Path:
    """Where the crops of a video go, below the folder that is prepared; no two videos share it."""
    return Path("crops", *map(_file_name, names))


def _file_name(text: str) -> str:
    """``text`` if it can be a file's name as it is, else something like it with a hash."""
    safe = re.sub(r"[^\w.+ -]", "_", text, flags=re.ASCII).strip(". ")[:100]
    if not text or (safe == text and safe != "_"):
        return safe or "_"
    return f"{safe}-{text_sha256(text)[:10]}"
