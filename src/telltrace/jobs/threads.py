"""How many processor threads this process may use, in every library that has threads of its own."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

from telltrace.errors import check_positive

_VARIABLE = "OMP_NUM_THREADS"


def processors() -> int:
    """How many processors this process may use."""
    has = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if has else os.cpu_count() or 1


def thread_count() -> int:
    """Threads of a computation: as `limit_threads` said, or one for each processor."""
    wanted = os.environ.get(_VARIABLE, "")
    return int(wanted) if wanted.isdecimal() and int(wanted) else processors()


def limit_threads(count: int) -> None:
    """Let OpenCV, torch and what is loaded later use so many; an OptionError below 1."""
    check_positive(threads=count)
    os.environ[_VARIABLE] = str(count)
    cv2.setNumThreads(count)
    if "torch" in sys.modules:  # if not, it will read the variable
        sys.modules["torch"].set_num_threads(count)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for a while: the number of threads moves the last digit of a sum."""
    before, variable, opencv = thread_count(), os.environ.get(_VARIABLE), cv2.getNumThreads()
    torch = sys.modules.get("torch")
    own = torch.get_num_threads() if torch else before
    limit_threads(1)
    try:
        yield
    finally:
        limit_threads(own)
        cv2.setNumThreads(opencv)
        if variable is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = variable
