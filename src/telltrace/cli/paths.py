"""The files that a call names: no result replaces one that is read, and none of these is a pipe."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from telltrace.errors import OptionError


def check_paths(values: Mapping[str, Any]) -> None:
    """Refuse, by an OptionError, an ``out`` that is read as well, and pipes and devices.

    Opening a pipe waits for ever where nobody writes to it, and most files are read twice. Those
    among media to scan get a status instead.
    """
    out = values.get("out")
    for name, value in values.items():
        media = name == "media" and isinstance(value, list)
        for path in value if isinstance(value, list | tuple) else [value]:
            if name == "out" or not isinstance(path, str | Path) or not os.path.exists(path):  # noqa: PTH110
                continue
            kind = os.stat(path).st_mode  # noqa: PTH116
            if not (media or stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
                remedy = "Save its content to a file and give that."
                raise OptionError("is a pipe or a device, not a file", remedy=remedy, path=path)
            if out is not None and os.path.isfile(out) and os.path.samefile(path, out):  # noqa: PTH113, PTH121
                remedy = "Give another name for the result."
                raise OptionError("is read, so it cannot be --out too", remedy=remedy, path=path)
