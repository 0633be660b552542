"""Errors that a caller can cause: one tree, so that one ``except`` catches them all.

The command line prints a `TelltraceError` as one sentence and exits with 2. Any other exception
is a bug of ours.
"""

import unicodedata
from functools import partial
from pathlib import Path
from typing import Final

UNSEEN: Final = ("Cc", "Cs", "Zl", "Zp")
"""Categories of characters that a terminal obeys, or cannot show."""


class TelltraceError(ValueError):
    """Root of all errors that a caller can cause.

    It is a ``ValueError`` too, because that is what callers of a function expect for a value
    that it cannot use.

    Args:
        message: What was expected and what was found instead.
        remedy: What the caller can do about it.
        path: The file concerned, if there is one.

    Examples:
        >>> print(ManifestError("has no column 'label'", remedy="Add it.", path="a.csv"))
        a.csv: has no column 'label'. Add it.
    """

    def __init__(self, message: str, *, remedy: str = "", path: str | Path | None = None) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy
        self.path = None if path is None else Path(path)

    def __str__(self) -> str:
        where = "" if self.path is None else f"{printable(self.path)}: "
        said = (text for text in (self.message, self.remedy) if text)
        return where + " ".join(x if x.endswith((".", "!", "?")) else f"{x}." for x in said)

    def __reduce__(self) -> tuple[object, ...]:  # a worker process may send it to its parent
        return partial(type(self), self.message, remedy=self.remedy, path=self.path), ()


class OptionError(TelltraceError):
    """An argument or option has a value that it cannot have."""


class MediaError(TelltraceError):
    """A picture or video cannot be read, or holds nothing that can be used."""


class ManifestError(TelltraceError):
    """A manifest, a scores table or a dataset's folder cannot be used as it is."""


class CheckpointError(TelltraceError):
    """A checkpoint or a file of weights is damaged, or belongs to another detector."""


class OutputError(TelltraceError, OSError):
    """A result cannot be written where it was asked for, or would replace another one."""


class DependencyError(TelltraceError):
    """What was asked for needs a package that is not installed: where it is named, of an extra."""

    def __init__(
        self, message: str, *, remedy: str = "", extra: str = "", path: str | Path | None = None
    ) -> None:
        install = f"Run: pip install 'telltrace[{extra}]'." if extra else ""
        super().__init__(message, remedy=remedy or install, path=path)


def printable(name: object) -> str:
    r"""A name as one line of text, in which control characters and bytes of no text are escaped.

    Examples:
        >>> print(printable("a\nb"))
        a\nb
    """
    return "".join(
        c.encode("unicode_escape").decode() if unicodedata.category(c) in UNSEEN else c
        for c in str(name)
    )


def check_positive(**values: float | None) -> None:
    """Raise an OptionError that names the first count below 1, or number not above 0; not None."""
    for name, value in values.items():
        if value is not None and not value > 0:
            least = "at least 1" if isinstance(value, int) else "positive"
            raise OptionError(f"{name} must be {least}, got {value}.")


def check_not_negative(**values: float) -> None:
    """Raise an OptionError that names the first number below 0, or larger than a seed may be."""
    for name, value in values.items():
        if not 0 <= value < 2**32:
            raise OptionError(f"{name} must lie between 0 and {2**32 - 1}, got {value}.")
