"""A scanner that does what a file says, in a module that a process imports in no time."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from telltrace.faces.media import Status
from telltrace.inference import Verdict


class Obedient:
    """A scanner that does what a file says."""

    def scan(
        self, path: Path, progress: Any = None, stages: Callable[[str], object] = print
    ) -> Any:
        text = path.read_bytes().decode("utf-8", "replace")
        if text == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if text == "hang":
            time.sleep(1000)
        if text == "memory":
            bytearray(2_000_000_000)
        if text == "exception":
            raise KeyError(str(path))
        if text == "work on":
            while True:
                time.sleep(0.05)
                stages("score")
        return Verdict(path=path, status=Status.NO_FACE, reason=text, remedy="-")
