"""All that a scan can be told, in one value that can be compared, printed and sent to a worker."""

from dataclasses import dataclass
from numbers import Integral
from typing import Final, Literal, get_args

from telltrace.backends import Backend
from telltrace.errors import OptionError
from telltrace.evidence.credentials import holds_certificates
from telltrace.faces.media import Sampling

Sample = Literal["adaptive", "spread", "every", "fps", "all"]
Precision = Literal["float32", "bfloat16"]
FIRST: Final = 12
"""Frames of a first look at a video, however few are asked for: a verdict must not hang on that."""


@dataclass(frozen=True, kw_only=True)
class ScanSettings:
    """How files are looked at and summed up; a value out of range is an OptionError.

    Args:
        sample: "adaptive" looks at a third of FRAMES (at least 12), then closely at suspicious
            moments and where a forged stretch begins or ends. "spread" looks at FRAMES frames
            evenly over the whole video, "every" at every FRAMES-th, "fps" at FRAMES each second,
            "all" at all of them.
        frames: How much of a video to look at; see sample.
        strict: Fewer false alarms: at most 1 of 100 real videos is called FAKE, in place of 5.
        window: Seconds that a stretch must last to be judged by itself, and over which scores are
            smoothed; checkpoints are calibrated on 1.
        min_face: Faces smaller than this, in pixels, get no score.
        search_every: Search every N-th frame for faces and follow them in between; 1 searches
            all frames, as `prepare` does.
        batch_size: At most so many frames in memory at a time.
        precision: Numbers in which the detector of forgeries computes.
        backend: What computes the networks on a processor: torch, or where they are installed onnx
            (ONNX Runtime) or openvino, for which each network is prepared once; auto takes the
            fastest.
        prior: Your probability of forgery before the scan, above 0 and below 1, from all else that
            you know of the file; likelihood ratios then come with the probability after it.
        time_limit: Seconds after which a file is given up; None waits for as long as it takes.
        trust: PEM file of certificates; C2PA manifests that they vouch for are called trusted.
    """

    sample: Sample = "adaptive"
    frames: float = 36
    strict: bool = False
    window: float = 1.0
    min_face: float = 40.0
    search_every: int = 4
    batch_size: int = 16
    precision: Precision = "float32"
    backend: Backend = "auto"
    prior: float | None = None
    time_limit: float | None = None
    trust: str | None = None

    def __post_init__(self) -> None:
        rules = {
            "sample": (self.sample in get_args(Sample), f"be one of {', '.join(get_args(Sample))}"),
            "precision": (self.precision in get_args(Precision), "be one of float32, bfloat16"),
            "backend": (
                self.backend in get_args(Backend),
                f"be one of {', '.join(get_args(Backend))}",
            ),
            "search_every": (_counts(self.search_every), "be at least 1, a whole number"),
            "batch_size": (_counts(self.batch_size), "be at least 1, a whole number"),
            "window": (self.window >= 0, "not be negative"),
            "min_face": (self.min_face >= 0, "not be negative"),
            "prior": (self.prior is None or 0 < self.prior < 1, "lie between 0 and 1, or be none"),
            "trust": (
                self.trust is None or holds_certificates(self.trust),
                "name a PEM file of certificates",
            ),
            "time_limit": (self.time_limit is None or self.time_limit > 0, "be positive or none"),
        }
        for name, (is_met, rule) in rules.items():
            if not is_met:
                raise OptionError(f"{name} must {rule}, got {getattr(self, name)!r}.")
        Sampling("spread" if self.sample == "adaptive" else self.sample, self.frames)

    def sampling(self, last: bool = False) -> Sampling:
        """The frames of the first pass over a video, or all that an even second one may add to."""
        if self.sample != "adaptive":
            return Sampling(self.sample, self.frames)
        first = max(FIRST, int(self.frames) // 3)
        more = last and 3 * first <= self.frames  # centres of thirds are centres of the whole
        return Sampling("spread", 3 * first if more else first)


def _counts(number: object) -> bool:
    """Whether it is a whole number from 1 on; settings may come from a report that is not ours."""
    return isinstance(number, Integral) and int(number) >= 1
