"""Open a file as frames, whatever it is: the one door through which media come in."""

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from .image import read_image
from .media import Choice, Frames, MediaError, Sampling, Status, nothing
from .video import read_video


def open_media(
    path: str | os.PathLike[str],
    sampling: Choice | None = None,
    check: Callable[[], None] = nothing,
    later: Sequence[Choice] = (),
) -> Frames:
    """Open a picture or a video, whichever the file's content says it is; its name is ignored.

    Of a video 32 frames spread over it are read by default. ``check`` is called again and again;
    what it raises ends the reading. Frames of a video that ``later`` chooses, the most important
    choice first, are kept for `Frames.again` where a pass comes by them and memory allows. A file
    that is missing or of no readable kind is a MediaError; so is, while the result is iterated, one
    of which no frame can be decoded.
    """
    path, sampling = Path(path), sampling or Sampling()
    try:
        found = path.stat()  # before it is opened, since a pipe would block
    except FileNotFoundError:
        raise MediaError(path, "does not exist", "Check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        why = f"cannot be reached ({getattr(error, 'strerror', None) or error})"
        raise MediaError(path, why, "Check the path and its permissions") from None
    if stat.S_ISDIR(found.st_mode):
        remedy = "Give the files in it one by one"
        raise MediaError(path, "is a folder, not a file", remedy, Status.UNSUPPORTED)
    if not stat.S_ISREG(found.st_mode):
        kinds = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
        kind = kinds.get(stat.S_IFMT(found.st_mode), "a device")
        remedy = "Save its content to a file and give that"
        raise MediaError(path, f"is {kind}, not a file", remedy, Status.UNSUPPORTED)
    if found.st_size == 0:
        raise MediaError(path, "is empty (0 bytes)", "Copy or record it again")
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        why = f"cannot be opened ({error.strerror or error})"
        raise MediaError(path, why, "Check its permissions, e.g. with chmod u+r") from None
    return read_image(path, sampling, check) or read_video(path, sampling, check, later)
