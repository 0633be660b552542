"""Whole media, corrupted as a file would be: re-encoded, then cut again by `prepare`."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

from PIL import Image as PilImage

from telltrace.faces.media import Frames, Sampling
from telltrace.faces.reader import open_media
from telltrace.pixels import Image
from telltrace.pixels.codecs import RATE, write_video

from .corruptions import Encoding, check_corruption, corrupt
from .pixels import shrink

LOSSLESS: Final = 0
"""Rate factor at which H.264 loses nothing."""


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
        corrupt([image], [f"{key}#{i}"], name, level, seed)[0]
        for i, image in enumerate(_images(frames))
    )
    write_video(changed, target, "libx264", LOSSLESS, rate)
    return target


def _encode(frames: Frames, target: Path, encodings: Sequence[Encoding], rate: Fraction) -> None:
    """Shrink and encode again and again; only the last file is kept."""
    now, parts = frames, []
    for turn, (share, codec, crf) in enumerate(encodings):
        parts.append(target.with_suffix(f".{turn}.mkv"))
        write_video((shrink(p, share) for p in _images(now)), parts[-1], codec, crf, rate)
        now = open_media(parts[-1], Sampling("all"))
    parts[-1].replace(target)
    for part in parts[:-1]:
        part.unlink()


def _images(frames: Frames) -> Iterator[Image]:
    return (frame.image for frame in frames)
