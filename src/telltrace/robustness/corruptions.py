"""Every corruption by name, each at five levels, deterministic in (seed, path, name, level).

Pictures are corrupted as they are; whole media as files are, re-encoded.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from numpy.random import Generator
from PIL import Image as PilImage

from telltrace.errors import OptionError
from telltrace.faces.media import Frames, Sampling
from telltrace.faces.reader import open_media
from telltrace.pixels import Image
from telltrace.pixels.codecs import RATE, code_sequence, write_video
from telltrace.plugins import Registry

from . import pixels

LEVELS = 5
LOSSLESS: Final = 0
"""Rate factor at which H.264 loses nothing."""

Encoding = tuple[float, str, float]
"""Share of the sides that is kept, codec and constant rate factor."""


@dataclass(frozen=True)
class Corruption:
    """Something that happens to pictures, or to the pictures of a video together."""

    about: str
    """What it is, and what its levels count."""
    levels: tuple[float, float, float, float, float]
    """From weak to strong."""
    picture: Callable[[Image, float, Generator], Image] | None = None
    video: Callable[[float], list[Encoding]] | None = None
    """How a video is encoded, time after time; a single picture is a video of one."""


def _uploads(times: float) -> list[Encoding]:
    return [(0.8 - 0.05 * turn, "libx264", 26 + 2 * turn) for turn in range(int(times))]


_OWN: Final[dict[str, Corruption]] = {
    "jpeg": Corruption("JPEG quality", (90, 70, 50, 30, 15), pixels.jpeg),
    "jpeg_twice": Corruption("JPEG of 75 to 95, then of this quality on another grid",
                             (90, 70, 50, 30, 15), pixels.jpeg_twice),
    "webp": Corruption("WebP quality", (90, 70, 50, 30, 10), pixels.webp),
    "h264": Corruption("H.264 rate factor", (18, 23, 28, 34, 40),
                       video=lambda crf: [(1.0, "libx264", crf)]),
    "h265": Corruption("H.265 rate factor", (20, 25, 30, 36, 42),
                       video=lambda crf: [(1.0, "libx265", crf)]),
    "resize": Corruption("shrunk to this share", (0.8, 0.6, 0.45, 0.3, 0.2), pixels.rescale),
    "resize_chain": Corruption("random sizes in a row", (1, 2, 3, 5, 8), pixels.rescale_chain),
    "shared": Corruption("sent on as a picture, times", (1, 2, 3, 4, 6), pixels.shared),
    "uploaded": Corruption("uploaded as a video, times", (1, 2, 3, 4, 5), video=_uploads),
    "screenshot": Corruption("zoom on the screen", (2.0, 1.5, 1.25, 0.8, 0.6), pixels.screenshot),
    "blur": Corruption("deviation in pixels", (0.5, 1, 1.5, 2.5, 4), pixels.blur),
    "motion_blur": Corruption("length in pixels", (3, 5, 9, 13, 19), pixels.motion_blur),
    "noise": Corruption("deviation in grey levels", (2, 5, 10, 18, 30), pixels.noise),
    "contrast": Corruption("share of contrast kept", (0.9, 0.75, 0.6, 0.45, 0.3), pixels.contrast),
    "saturation": Corruption("share of colour kept", (0.8, 0.6, 0.4, 0.2, 0), pixels.saturation),
    "gamma": Corruption("exponent or one over it", (1.1, 1.25, 1.5, 1.8, 2.2), pixels.gamma),
    "block": Corruption("blocks of one colour", (2, 4, 8, 16, 32), pixels.blocks),
    "pixelation": Corruption("side of a square in pixels", (2, 3, 4, 6, 8), pixels.pixelate),
    "crop": Corruption("share of the sides cut off", (0.02, 0.05, 0.08, 0.12, 0.18), pixels.crop),
    "rotation": Corruption("degrees", (2, 5, 10, 15, 25), pixels.rotate),
}  # fmt: skip
CORRUPTIONS: Final[Registry[Corruption]] = Registry("corruptions", Corruption, _OWN)
"""Twenty corruptions, video codecs before what a screen or a lens does; then those of plug-ins."""


def check_corruption(name: str, level: int) -> Corruption:
    """The corruption of this name; an OptionError if there is none, or no such level."""
    if name not in CORRUPTIONS:
        there_are = f"There are {', '.join(CORRUPTIONS)}."
        raise OptionError(f"No corruption is named {name!r}", remedy=there_are)
    if not 1 <= level <= LEVELS:
        raise OptionError(f"Levels go from 1 (weak) to {LEVELS} (strong), got {level}.")
    return CORRUPTIONS[name]


def corrupt(
    images: Sequence[Image], keys: Sequence[str], name: str, level: int, seed: int = 0
) -> list[Image]:
    """Corrupt pictures (H, W, 3) uint8 RGB: single ones, or the frames of one video in order.

    The chance of a picture depends on (seed, its key, name, level) alone. An OptionError if
    :data:`CORRUPTIONS` has no such name, or the level is not 1 (weak) to 5 (strong).
    """
    corruption = check_corruption(name, level)
    amount = corruption.levels[level - 1]
    if corruption.video is not None:
        now = list(images)
        for share, codec, crf in corruption.video(amount):
            now = code_sequence([pixels.rescale(p, share) for p in now], codec, crf)
        return now
    assert corruption.picture is not None
    return [
        corruption.picture(image, amount, chance(seed, key, name, level))
        for image, key in zip(images, keys, strict=True)
    ]


def chance(seed: int, key: str, name: str, level: int) -> Generator:
    """Random numbers that depend on these four and on nothing else."""
    digest = hashlib.sha256(repr((seed, key, name, level)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def corrupt_medium(
    source: Path, folder: Path, name: str, level: int, *, key: str, seed: int = 0
) -> Path:
    """Write a corrupted copy of a picture (PNG) or video (Matroska).

    Video codecs see the whole video with its own frames and rate; uploads keep the smaller size
    that they were given. What happens to single pictures happens to every frame, and is written
    without loss. All chance depends on ``key``, the seed and the frame's number. A MediaError if
    the medium cannot be read.
    """
    corruption = check_corruption(name, level)
    frames = open_media(source, Sampling("all"))
    folder.mkdir(parents=True, exist_ok=True)
    if frames.kind == "image":
        target = folder / f"{source.stem}.png"
        pictures = [frame.image for frame in frames]
        PilImage.fromarray(corrupt(pictures, [key], name, level, seed)[0]).save(target)
        return target
    target, rate = folder / f"{source.stem}.mkv", Fraction(RATE)
    if frames.duration > 0:
        rate = Fraction(frames.total / frames.duration).limit_denominator(1001)
    if corruption.video is not None:
        _encode(frames, target, corruption.video(corruption.levels[level - 1]), rate)
        return target
    changed = (
        corrupt([frame.image], [f"{key}#{i}"], name, level, seed)[0]
        for i, frame in enumerate(frames)
    )
    write_video(changed, target, "libx264", LOSSLESS, rate)
    return target


def _encode(frames: Frames, target: Path, encodings: Sequence[Encoding], rate: Fraction) -> None:
    """Shrink and encode again and again; only the last file is kept."""
    now, parts = frames, []
    for turn, (share, codec, crf) in enumerate(encodings):
        parts.append(target.with_suffix(f".{turn}.mkv"))
        smaller = (pixels.shrink(frame.image, share) for frame in now)
        write_video(smaller, parts[-1], codec, crf, rate)
        now = open_media(parts[-1], Sampling("all"))
    parts[-1].replace(target)
    for part in parts[:-1]:
        part.unlink()
