"""What a scan can be given: a file, or what is in memory, opened alike."""

import io
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from telltrace.errors import OptionError
from telltrace.faces.image import to_rgb
from telltrace.faces.media import Choice, Frame, Frames, MediaError
from telltrace.faces.reader import open_media
from telltrace.files import file_sha256

Picture = Image.Image | NDArray[np.uint8]
Source = str | os.PathLike[str] | bytes | BinaryIO | Picture | Iterable[Picture]
"""A path; the bytes of a file; an open binary file; a PIL image; an array (H, W, 3), uint8 RGB;
or a sequence or iterator of such pictures: the frames of a video."""

RATE: Final = 25.0
"""Frames a second, where frames come without their times."""

Check = Callable[[], None]


class Medium(NamedTuple):
    """A source that can be opened."""

    name: Path
    """What the verdict calls it."""
    sha256: str | None
    """Of the file; None where there is none that can be read."""
    file: Path | None
    """The file itself; None where there is none that can be read."""
    open: Callable[[Choice, Check, Sequence[Choice]], Frames]
    """Gives the chosen frames, of a video keeps others for later; raises a `MediaError` if it holds
    none that can be read."""


@contextmanager
def opened_source(source: Source, times: Iterable[float] | None = None) -> Iterator[Medium]:
    """Make a source ready to be opened; bytes and open files are copied to a temporary file.

    A source of another kind, and ``times`` that are not those of its frames, are an OptionError.
    """
    if times is not None and (_is_file(source) or _is_picture(source)):
        raise OptionError("times are for a sequence of frames alone.", remedy="Leave them out.")
    if isinstance(source, str | os.PathLike):
        yield _medium(Path(source), Path(source))
    elif _is_file(source):
        with tempfile.NamedTemporaryFile(prefix="telltrace-") as copy:
            yield _medium(_copy(source, copy), Path(copy.name))  # type: ignore[arg-type]
    elif _is_picture(source):
        name = Path(getattr(source, "filename", "") or "<picture>")
        yield Medium(name, None, None, lambda *_: _still(name, source))  # type: ignore[arg-type]
    elif isinstance(source, Iterable):
        yield Medium(Path("<frames>"), None, None, _frames(source, times))  # type: ignore[arg-type]
    else:
        remedy = "Give a path, bytes, an open binary file, a PIL image, an array or frames."
        message = f"source is of type {type(source).__name__}, which cannot be scanned"
        raise OptionError(message, remedy=remedy)


def _is_file(source: object) -> bool:
    return isinstance(source, str | os.PathLike | bytes) or hasattr(source, "read")


def _is_picture(source: object) -> bool:
    return isinstance(source, Image.Image) or (isinstance(source, np.ndarray) and source.ndim != 4)


def _medium(name: Path, path: Path) -> Medium:
    digest = _hash(path)
    return Medium(name, digest, path if digest else None, partial(open_media, path))


def _hash(path: Path) -> str | None:
    try:
        return file_sha256(path) if path.is_file() else None
    except (OSError, ValueError):  # ValueError: a null byte in the name
        return None


def _copy(source: bytes | BinaryIO, copy: "tempfile._TemporaryFileWrapper[bytes]") -> Path:
    """Copy what is to be read of a file; what the verdict calls it."""
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    if not isinstance(file.read(0), bytes):
        raise OptionError("The file was opened as text.", remedy='Open it with mode "rb".')
    shutil.copyfileobj(file, copy)
    copy.flush()
    return Path("<bytes>" if isinstance(source, bytes) else str(getattr(source, "name", "<file>")))


def _still(name: Path, picture: Picture) -> Frames:
    pixels = _pixels(picture, name)
    frames = Frames(name, "image", 1, 0.0, lambda _: iter([Frame(pixels, 0, 0.0)]))
    frames.again = lambda choice: frames
    return frames


def _pixels(picture: object, name: Path) -> NDArray[np.uint8]:
    """A picture as (H, W, 3) RGB of 8 bits."""
    if isinstance(picture, Image.Image):
        try:
            return to_rgb(picture)
        except (OSError, ValueError) as error:
            raise MediaError(name, f"is a damaged picture ({error})", "Load it again") from None
    pixels = np.asarray(picture)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        wanted = "A picture must be an array (H, W, 3) of uint8"
        message = f"{wanted}, got {pixels.shape} {pixels.dtype}"
        raise OptionError(message, remedy="Convert it to 8-bit RGB.")
    return np.ascontiguousarray(pixels)


def _frames(
    pictures: Iterable[Picture], times: Iterable[float] | None
) -> Callable[[Choice, Check, Sequence[Choice]], Frames]:
    """Frames in memory as a video: a sequence is sampled as a file is, an iterator read once."""
    if not isinstance(pictures, Sequence | np.ndarray):
        return lambda choice, check, later: _stream(pictures, times, check)
    count = len(pictures)
    starts = np.arange(count) / RATE if times is None else np.asarray([*times], np.float64)
    if len(starts) != count or (np.diff(starts) < 0).any() or not count:
        remedy = "Give at least one frame, and the seconds of each in ascending order."
        raise OptionError(f"{count} frames came with {len(starts)} times", remedy=remedy)
    starts = starts - starts[0]
    end = float(starts[-1]) + (float(np.median(np.diff(starts))) if count > 1 else 1 / RATE)

    def open_frames(choice: Choice, check: Check, later: Sequence[Choice] = ()) -> Frames:
        chosen = choice(starts, end).tolist()

        def decode(frames: Frames) -> Iterator[Frame]:
            for index in chosen:
                check()
                yield Frame(_pixels(pictures[index], frames.path), index, float(starts[index]))

        again = partial(open_frames, check=check)
        return Frames(Path("<frames>"), "video", count, end, decode, again=again)

    return open_frames


def _stream(pictures: Iterable[Picture], times: Iterable[float] | None, check: Check) -> Frames:
    """All frames of an iterator, one in memory at a time."""

    def decode(frames: Frames) -> Iterator[Frame]:
        moments = (n / RATE for n in itertools.count()) if times is None else iter(times)
        for frames.total, picture in enumerate(pictures, 1):
            check()
            time = next(moments, None)
            if time is None:
                raise OptionError("There are more frames than times.", remedy="Give as many.")
            frames.duration = float(time) + 1 / RATE
            yield Frame(_pixels(picture, frames.path), frames.total - 1, float(time))

    return Frames(Path("<frames>"), "video", 0, 0.0, decode)
