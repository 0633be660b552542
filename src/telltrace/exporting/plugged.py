"""Formats of files that plug-ins add to ours."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from numpy.typing import NDArray

from telltrace.plugins import Registry

from .crops import Pixels

if TYPE_CHECKING:
    from telltrace.checkpoint import Card
    from telltrace.checkpoint.graph import ScoringGraph


@dataclass(frozen=True)
class Exporter:
    """How a format is written, in 32 bits, and computed, so that its scores can be checked."""

    ending: str
    """Of its files, such as ".ts"."""
    write: "Callable[[ScoringGraph, Card, Path], None]"
    """Writes the graph, which takes crops (N, S, S, 3) uint8 and gives logits (N, 2), and the
    card, without which nobody knows what the logits mean."""
    logits: Callable[[Path, Pixels], NDArray[Any]]
    """Computes the file's logits of crops, as floats."""


EXPORTERS: Final[Registry[Exporter]] = Registry("exporters", Exporter, {})
"""Formats of plug-ins by name."""
