"""Still and animated pictures, through Pillow, as upright 8-bit RGB."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, ImageOps

from ..errors import MediaError as AnyMediaError
from .media import MAX_PIXELS, Choice, Frame, Frames, MediaError, Status

FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
"""Picture formats that are tried, each known by its first bytes."""

_LOCK = RLock()
"""Python's list of warning filters is one for all threads."""


def read_image(path: Path, sampling: Choice, check: Callable[[], None]) -> Frames | None:
    """The frames of a picture, or None if the file is no picture.

    An animated picture (GIF, WebP, PNG, AVIF) is a video; of several pages (TIFF, MPO) the first is
    read. One of more than `MAX_PIXELS` is a MediaError, and not decoded.
    """
    with without_warnings():
        try:
            with Image.open(path, formats=FORMATS) as picture:
                animated = picture.format in ("GIF", "WEBP", "PNG", "AVIF") and (
                    getattr(picture, "n_frames", 1) > 1
                )
                width, height = picture.size
        except Image.DecompressionBombError:
            raise _too_large(path, "more") from None
        except Exception:  # no picture, or a damaged header, on which parsers fail in many ways
            return None
    if width * height > MAX_PIXELS:
        raise _too_large(path, f"{width} x {height}")
    if animated:
        return _read_animation(path, sampling, check)
    frames = Frames(path, "image", total=1, duration=0.0, decode=_decode_still)
    frames.again = lambda choice: frames
    return frames


@contextmanager
def without_warnings() -> Iterator[None]:
    """Pillow warns of large and of damaged pictures."""
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def to_rgb(picture: Image.Image) -> NDArray[np.uint8]:
    """Any mode of Pillow's as upright (H, W, 3) RGB of 8 bits.

    16-bit samples are divided by 257, so that white stays white. Transparency is laid on a white
    page, as a viewer shows it: what an invisible pixel holds is not judged. Samples without a fixed
    range, 32-bit integers beyond 16 bits and floats, are a MediaError.
    """
    with suppress(Exception):  # damaged EXIF says nothing about the pixels
        if picture.getexif().get(ExifTags.Base.Orientation, 1) != 1:  # else it would be copied
            picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        samples = np.asarray(picture).astype(np.int64 if picture.mode != "F" else np.float64)
        if picture.mode == "F" or samples.min() < 0 or samples.max() > 65535:
            mode = picture.mode
            raise AnyMediaError(f"has samples of mode {mode!r}, which no fixed white scales")
        grey = ((samples + 128) // 257).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        page = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(page, picture)
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))


def _decode_still(frames: Frames) -> Iterator[Frame]:
    path, frames.truncated = frames.path, False
    with without_warnings():
        try:
            with Image.open(path, formats=FORMATS) as picture:
                frames.truncated = not _is_whole(picture)
                rows = _decoded_rows(picture) if frames.truncated else picture.height
                part = 0 < rows < picture.height
                image = to_rgb(picture.crop((0, 0, picture.width, rows)) if part else picture)
        except AnyMediaError as error:
            remedy = "Convert it to 8 bits a sample and give the copy"
            raise MediaError(path, error.message, remedy, Status.UNSUPPORTED) from None
        except Exception as error:
            raise _damaged(path, error) from None
    if not rows:
        raise MediaError(path, "holds no pixels before its end", "Copy it again")
    frames.lost = int(frames.truncated)
    yield Frame(image, index=0, time=0.0)


def _is_whole(picture: ImageFile.ImageFile) -> bool:
    """Decode; on damage keep what was decoded before it."""
    try:
        picture.load()
    except OSError:
        if not picture.tile:
            raise
        picture.tile = []  # Pillow then takes the rows it has for the whole picture
        picture.load()
        return False
    return True


def _decoded_rows(picture: Image.Image) -> int:
    """How many rows come before those that the file lacks, which Pillow leaves zero.

    A face that reaches into them then ends at the edge of the picture, and is flagged so.
    """
    rows = np.flatnonzero(np.asarray(picture).reshape(picture.height, -1).any(axis=1))
    return int(rows[-1]) + 1 if len(rows) else 0


def _read_animation(path: Path, sampling: Choice, check: Callable[[], None]) -> Frames:
    starts, now, truncated = [], 0.0, False
    with without_warnings(), Image.open(path, formats=FORMATS) as picture:
        try:
            for index in range(getattr(picture, "n_frames", 1)):
                check()
                picture.seek(index)
                picture.load()
                starts.append(now)
                now += max(picture.info.get("duration", 0) / 1000, 0.01)
        except MediaError:
            raise
        except Exception as error:
            if not starts:
                raise _damaged(path, error) from None
            truncated = True

    def choose(choice: Choice) -> Frames:
        chosen = choice(np.array(starts), now).tolist()

        def decode(frames: Frames) -> Iterator[Frame]:
            with Image.open(path, formats=FORMATS) as picture:
                for index in chosen:
                    check()
                    picture.seek(index)
                    yield Frame(to_rgb(picture), index=index, time=starts[index])

        video = Frames(path, "video", len(starts), now, decode, again=choose)
        video.truncated = truncated
        return video

    return choose(sampling)


def _too_large(path: Path, size: str) -> MediaError:
    reason = f"is an image of {size} pixels, above the limit of {MAX_PIXELS:,} pixels"
    remedy = "Shrink it to at most 8000 pixels a side and give the copy"
    return MediaError(path, reason, remedy, Status.UNSUPPORTED)


def _damaged(path: Path, error: Exception) -> MediaError:
    why = " ".join(str(error).split())[:120] or type(error).__name__
    return MediaError(path, f"is a damaged picture ({why})", "Copy it again or save it anew")
