"""Files that are made once on a machine and read from then on."""

import os
from collections.abc import Callable
from pathlib import Path

from ..files import write_bytes


def cache_folder() -> Path:
    """``$TELLTRACE_CACHE``, or ``telltrace`` in the user's cache folder; it may be deleted."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111  never raises
    return Path(os.environ.get("TELLTRACE_CACHE") or Path(home) / "telltrace")


def is_prepared(name: str) -> bool:
    """Whether the cache has this file; not if its folder may not be read."""
    return os.path.isfile(cache_folder() / name)  # noqa: PTH113  Path.is_file raises there


def prepared(name: str, make: Callable[[], bytes]) -> Path:
    """The file of this name in the cache; where it is missing, what ``make`` gives is written.

    A folder that cannot be written is an OutputError.
    """
    path = cache_folder() / name
    if not is_prepared(name):
        write_bytes(make(), path)
    return path
