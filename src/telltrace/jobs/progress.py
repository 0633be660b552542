"""How far long work is: a bar for who watches, a line now and then for who reads a log.

Both go through the logger ``telltrace``: nothing is shown unless its level is INFO or lower, as
the command line sets it.
"""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final, Protocol

from telltrace.errors import printable

logger: Final = logging.getLogger("telltrace")
LINE_EVERY: Final = 30.0
"""Seconds between lines where there is no terminal."""


class Advance(Protocol):
    """Says that so many more units are done, and what else there is to say."""

    def __call__(self, count: int = 1, /, note: str = "") -> None: ...


@contextmanager
def progress(what: str, total: int, unit: str, *, done: int = 0) -> Iterator[Advance]:
    """Show how far some work is (``what``, such as "Scanning") while the block runs.

    ``total`` units, in the plural, are counted; those that an earlier run had ``done`` do not
    count for the speed.
    """
    if not logger.isEnabledFor(logging.INFO):
        yield lambda count=1, /, note="": None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    said = TextColumn("{task.fields[said]}", markup=False)  # it holds names of files
    columns = TextColumn(what), BarColumn(), MofNCompleteColumn(), said
    watched = sys.stderr.isatty()
    start = spoken = time.monotonic()
    now = done
    with Progress(*columns, console=Console(stderr=True), disable=not watched) as bar:
        task = bar.add_task(what, total=total, completed=done, said=unit)

        def advance(count: int = 1, /, note: str = "") -> None:
            nonlocal now, spoken
            now += count
            said = describe_rate(now - done, total - now, time.monotonic() - start, unit)
            said += f", {printable(note)}" if note else ""
            bar.update(task, completed=now, said=said)
            if not watched and time.monotonic() - spoken >= LINE_EVERY:
                spoken = time.monotonic()
                logger.info("%s: %s of %s %s, %s", what, f"{now:,}", f"{total:,}", unit, said)

        yield advance


def describe_rate(done: int, left: int, seconds: float, unit: str) -> str:
    """Speed and time left, as text.

    Examples:
        >>> describe_rate(10, 50, 20.0, "files")
        '0.5 files/s, 0:01:40 left'
    """
    if not done:
        return unit
    rate = done / max(seconds, 1e-9)
    return f"{rate:.1f} {unit}/s, {timedelta(seconds=int(left / rate))} left"
