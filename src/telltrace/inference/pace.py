"""How far a scan of many is: a bar for who watches, a line now and then for who reads a log."""

import sys
import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from .journal import Answer

LINE_EVERY: Final = 30.0
"""Seconds between lines where there is no terminal."""


class Pace:
    """Counts files and says how fast they come and when they will be done, until it is closed.

    Args:
        files: All of them.
        done: Those that an earlier run had done; they do not count for the speed.
        shown: Whether to say anything.
    """

    def __init__(self, files: int, done: int, shown: bool = True) -> None:
        self.files, self.done, self._before = files, done, done
        self.lost = 0
        console = Console(stderr=True)
        self._lines = shown and not console.is_terminal
        self._bar = Progress(
            *(TextColumn("scanning"), BarColumn(), MofNCompleteColumn()),
            TextColumn("{task.fields[told]}"),
            console=console,
            disable=not shown or self._lines,
        )
        self._started = self._spoken = time.monotonic()
        self._task = self._bar.add_task("", total=files, completed=done, told="")
        self._bar.start()

    def step(self, answer: Answer) -> None:
        """Count a file."""
        self.done += 1
        self.lost += bool(answer.lost)
        told = tell_pace(self, time.monotonic() - self._started)
        self._bar.update(self._task, completed=self.done, told=told)
        if self._lines and time.monotonic() - self._spoken >= LINE_EVERY:
            self._spoken = time.monotonic()
            sys.stderr.write(f"{self.done:,} of {self.files:,} files, {told}\n")

    def rate(self, seconds: float) -> float:
        """Files a second of this run."""
        return (self.done - self._before) / max(seconds, 1e-9)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()


def tell_pace(pace: Pace, seconds: float) -> str:
    """Speed and time left, as text.

    Examples:
        >>> pace = Pace(files=100, done=40, shown=False)
        >>> pace.done = 50
        >>> tell_pace(pace, seconds=20.0)
        '0.5 files/s, 0:01:40 left'
    """
    rate = pace.rate(seconds)
    left = int((pace.files - pace.done) / max(rate, 1e-9))
    days, rest = divmod(left, 86400)
    clock = f"{rest // 3600}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    lost = f", {pace.lost:,} lost to crashes or time" if pace.lost else ""
    return f"{rate:.1f} files/s, {f'{days} days ' if days else ''}{clock} left{lost}"
