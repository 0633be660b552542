"""The files of the manifests, each looked at once: can it be read, and what does it show."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Final, Literal, NamedTuple

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from ..data.crops import read_pack
from ..data.manifest import VIDEO_KEY, read_manifest
from ..data.perceptual_hash import perceptual_hash
from ..errors import ManifestError, check_positive
from ..faces.image import FORMATS, to_rgb
from ..faces.media import Frame, Frames, MediaError, Sampling
from ..faces.quality import SIDE, sharpness
from ..faces.reader import open_media
from ..files.pack import exists, find_entry, is_pack
from ..jobs.pool import run_jobs
from .headers import Traits, picture_traits, video_traits
from .spectra import spectrum_summary

Picture = NDArray[np.uint8]
Compare = Literal["both", "splits", "manifests"]

FEW: Final = 64
"""Files below which new processes would take longer to start than the work itself."""
CRASHED: Final = "ended the process that read it (a crash in a decoder, or not enough memory)"
COPY_AGAIN: Final = "Leave it out, or copy it again"
THUMB: Final = 24
"""Side of the small grey copy that near-duplicates are compared by, in pixels."""
FLAT: Final = 2.0
"""Grey levels of spread below which a picture is blank, and looks like every other blank one."""


class Look(NamedTuple):
    """One picture: a photograph, a face crop, or a frame of a video."""

    frame: int
    pixels: bytes
    """Digest of the decoded pixels; empty if the picture is blank."""
    hash: int
    """Perceptual hash."""
    thumb: bytes
    """24 by 24 grey levels."""
    sharpness: float
    """`telltrace.faces.quality.sharpness` of the middle."""
    brightness: float
    """Mean grey level of the middle."""


@dataclass(frozen=True)
class Medium:
    """What was found in one file."""

    path: str
    kind: Literal["image", "video", ""] = ""
    missing: bool = False
    trouble: str = ""
    """Why nothing, or not all of it, could be read; empty if all is well."""
    remedy: str = ""
    traits: Traits = field(default_factory=dict)
    looks: tuple[Look, ...] = ()
    """Empty if nothing could be read."""
    spectrum: NDArray[np.float32] | None = None
    """(128,), the mean over the looks."""


def look_at(path: str, frames: int) -> Medium:
    """Measure a file, or an entry of a pack; what is wrong with it is part of the answer."""
    looks: list[Look] = []
    spectra: list[NDArray[np.float32]] = []
    try:
        data = _entry(path)
        media = open_media(path, Sampling("spread", frames)) if data is None else None
        for frame in _picture(data or b"") if media is None else media:
            looks.append(_look(frame))
            spectra.append(spectrum_summary(frame.image))
        traits = _traits(data or Path(path), media, frame.image.shape[:2])
    except (MediaError, OSError, ValueError) as error:
        missing = not (Path(path).exists() or exists(path))
        reason = error.message if isinstance(error, MediaError) else str(error)
        remedy = error.remedy if isinstance(error, MediaError) else "Copy it again"
        return Medium(path, missing=missing, trouble=reason, remedy=remedy)
    damage = remedy = ""
    if media is not None and (media.lost or media.truncated):
        what = "ends before its content does" if media.truncated else "is damaged"
        damage = f"{what} ({media.lost} packets could not be decoded)"
        remedy = "Copy it again from its source"
    kind = "image" if media is None else media.kind
    spectrum = np.stack(spectra).mean(axis=0, dtype=np.float32)
    return Medium(path, kind, False, damage, remedy, traits, tuple(looks), spectrum)


def _entry(path: str) -> bytes | None:
    """The bytes of an entry of a pack; None for a file."""
    if (entry := find_entry(path)) is None:
        return None
    if entry[1] not in entry[0]:
        raise MediaError(path, "is not in the pack", "Write it again with `telltrace pack`")
    return entry[0].read(entry[1]).tobytes()


def _picture(data: bytes) -> list[Frame]:
    with Image.open(BytesIO(data), formats=FORMATS) as picture:
        return [Frame(to_rgb(picture), index=0, time=0.0)]


def _traits(source: bytes | Path, media: Frames | None, shape: tuple[int, ...]) -> Traits:
    """Everything about a file that has nothing to do with whom it shows."""
    (height, width), frames = shape, 1 if media is None else media.total
    traits, size = None, len(source) if isinstance(source, bytes) else source.stat().st_size
    video = media is not None and media.kind == "video"
    if isinstance(source, Path) and video:
        with suppress(MediaError):  # an animated picture: known to Pillow, perhaps not to FFmpeg
            traits = video_traits(source)
    if traits is None:
        traits = picture_traits(BytesIO(source) if isinstance(source, bytes) else source)
    if media is not None and video:
        traits |= {"frames": float(frames), "seconds": round(media.duration, 3)}
    bits = 8 * size / max(1, width * height * frames)
    traits |= {"width": float(width), "height": float(height), "aspect": width / height}
    return traits | {"bits_per_pixel": bits}


def _look(frame: Frame) -> Look:
    image = frame.image
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    blank = float(grey.std()) < FLAT
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    thumb = cv2.resize(grey, (THUMB, THUMB), interpolation=cv2.INTER_AREA)
    pixels, small = (b"", b"") if blank else (digest.digest()[:16], thumb.tobytes())
    return Look(frame.index, pixels, perceptual_hash(image), small, *_quality(grey))


def _quality(grey: Picture) -> tuple[float, float]:
    """Sharpness and brightness of the middle three quarters, where the face of a crop lies."""
    height, width = grey.shape
    down, across = height // 8, width // 8
    middle = grey[down : height - down, across : width - across]
    how = cv2.INTER_AREA if min(middle.shape) >= SIDE else cv2.INTER_LINEAR
    fixed = np.asarray(cv2.resize(middle, (SIDE, SIDE), interpolation=how), np.uint8)
    return sharpness(fixed), float(middle.mean())


def read_rows(manifests: Sequence[str | Path], compare: Compare = "both") -> pd.DataFrame:
    """All rows of manifests or packs, each with its ``manifest`` and the ``side`` it is on.

    Sides are what must have nothing in common. A manifest with splits is on the sides "train",
    "val" and "test"; rows that its protocol leaves out are on no side (""). A manifest without
    any split is a side of its own, named after the file. To compare "splits" puts it on no side;
    to compare "manifests" ignores splits and makes each manifest a side. A ManifestError says that
    there is no manifest, one is given twice, or one cannot be read.
    """
    files = [Path(manifest).absolute() for manifest in manifests]
    if not files:
        raise ManifestError("No manifest was given", remedy="Name at least one manifest.csv.")
    if len(set(files)) < len(files):
        raise ManifestError(f"A manifest is given twice among {', '.join(map(str, manifests))}.")
    tables = []
    for file, name in zip(files, _short_names(files), strict=True):
        table = read_pack(file)[0] if is_pack(file) else read_manifest(file)
        split = bool((table.split != "").any())
        as_whole = compare == "manifests" or (compare == "both" and not split)
        tables.append(table.assign(manifest=str(file), side=name if as_whole else table.split))
    return pd.concat(tables, ignore_index=True)


def _short_names(files: Sequence[Path]) -> list[str]:
    """As much of the end of each path as tells the files apart."""
    for parts in range(1, max(len(file.parts) for file in files) + 1):
        names = ["/".join(file.parts[-parts:]) for file in files]
        if len(set(names)) == len(names):
            break
    return names


def choose_files(rows: pd.DataFrame, limit: int) -> list[str]:
    """At most ``limit`` files, 1 or more, as many of each video and evenly spread over it."""
    check_positive(limit=limit)
    files = rows.drop_duplicates("path")
    if len(files) <= limit:
        return files.path.tolist()
    groups = files.groupby(["side", *VIDEO_KEY], sort=False)
    rank, size = groups.cumcount(), groups.path.transform("size")
    each = max(1, limit // max(1, groups.ngroups))
    kept = files[rank * each // size != (rank + 1) * each // size]
    if len(kept) > limit:
        kept = kept.iloc[np.linspace(0, len(kept) - 1, limit).round().astype(int)]
    return kept.path.tolist()


def look_at_files(
    paths: Sequence[str],
    *,
    frames: int = 4,
    workers: int = 0,
    after: Callable[[int], None] = lambda _: None,
) -> dict[str, Medium]:
    """Look at every file or entry of a pack once; what was found, by path, in their order.

    One that takes its process down cannot be read. 0 ``workers``, or fewer than 64 files, do it in
    this process; ``after`` is told how many more files are done.
    """
    workers = 0 if len(paths) < FEW else workers
    found: dict[str, Medium] = {}
    with closing(run_jobs(partial(look_at, frames=frames), paths, workers)) as results:
        for path, medium in results:
            found[path] = medium or Medium(path, trouble=CRASHED, remedy=COPY_AGAIN)
            after(1)
    return {path: found[path] for path in paths}
