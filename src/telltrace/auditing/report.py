"""The audit: what was looked at and what was found, as data and as JSON."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd

from ..pools import processors
from .collect import Compare, choose_files, look_at_files, read_rows
from .leaks import Leak, find_leaks
from .media import Medium
from .quality import Count, Flawed, Trouble, balance_notes, count_rows, find_flaws, find_troubles
from .shortcuts import LEVEL, SURE, Shortcuts, find_shortcuts

SCHEMA: Final = "telltrace-audit/1"
"""Version of `Audit.to_dict`: a new number where a field changes its meaning or goes."""
LIMIT: Final = 20000
FRAMES: Final = 4


@dataclass(frozen=True)
class Audit:
    """Everything that was found."""

    manifests: tuple[str, ...]
    sides: tuple[str, ...]
    rows: int
    files: int
    """Files that the manifests name."""
    looked_at: int
    """How many of them were opened."""
    leaks: tuple[Leak, ...]
    shortcuts: Shortcuts
    counts: tuple[Count, ...]
    notes: tuple[str, ...]
    troubles: tuple[Trouble, ...]
    flaws: tuple[Flawed, ...]

    @property
    def leaking(self) -> bool:
        return bool(self.leaks)

    def to_dict(self) -> dict[str, Any]:
        """The audit as JSON holds it."""
        leaks = [{**asdict(x), "examples": [e._asdict() for e in x.examples]} for x in self.leaks]
        for leak, found in zip(leaks, self.leaks, strict=True):
            leak["remedy"] = found.remedy
        return {
            "schema": SCHEMA,
            "manifests": list(self.manifests),
            "sides": list(self.sides),
            "rows": self.rows,
            "files": self.files,
            "looked_at": self.looked_at,
            "leaks": leaks,
            "shortcuts": {
                "media": self.shortcuts.media,
                "groups": self.shortcuts.groups,
                "basis": self.shortcuts.basis,
                "level": LEVEL,
                "alarm_at_chance": SURE,
                "answers": [asdict(answer) for answer in self.shortcuts.answers],
            },
            "counts": [asdict(count) for count in self.counts],
            "notes": list(self.notes),
            "troubles": [asdict(trouble) for trouble in self.troubles],
            "flaws": [{**asdict(f), "examples": list(f.examples)} for f in self.flaws],
        }


def audit_manifests(
    manifests: Sequence[str | Path],
    *,
    compare: Compare = "both",
    limit: int = LIMIT,
    frames: int = FRAMES,
    workers: int | None = None,
    seed: int = 0,
    after: Callable[[int], None] = lambda _: None,
) -> Audit:
    r"""Look for what would make a detector seem better than it is.

    Args:
        manifests: Manifests of media or of crops, or packs.
        compare: Which sides must have nothing in common, see `read_rows`.
        limit: Files that are opened at most; where there are more, evenly spread over each video.
        frames: Frames of each video that are looked at.
        workers: Processes; by default one for each processor.
        seed: Of folds and draws.
        after: Told how many more files are done.

    Raises:
        ValueError: If a manifest cannot be read.

    Examples:
        >>> import numpy as np
        >>> from PIL import Image
        >>> folder = getfixture("tmp_path")
        >>> for name in ("a", "b"):
        ...     Image.fromarray(np.eye(32, dtype=np.uint8) * 255).save(folder / f"{name}.png")
        >>> _ = (folder / "m.csv").write_text("path,label,split\na.png,0,train\nb.png,1,test\n")
        >>> [leak.kind for leak in audit_manifests([folder / "m.csv"]).leaks]
        ['equal', 'file']
    """
    rows = read_rows(manifests, compare)
    return audit_rows(rows, limit=limit, frames=frames, workers=workers, seed=seed, after=after)


def audit_rows(
    rows: pd.DataFrame,
    *,
    limit: int = LIMIT,
    frames: int = FRAMES,
    workers: int | None = None,
    seed: int = 0,
    after: Callable[[int], None] = lambda _: None,
) -> Audit:
    """As `audit_manifests`, of rows that `read_rows` gave."""
    if workers is None:
        workers = processors()
    chosen = choose_files(rows, limit)
    media: Mapping[str, Medium] = look_at_files(chosen, frames=frames, workers=workers, after=after)
    return Audit(
        tuple(rows.manifest.unique()),
        tuple(side for side in rows.side.unique() if side),
        len(rows),
        rows.path.nunique(),
        len(chosen),
        tuple(find_leaks(rows, media)),
        find_shortcuts(rows, media, seed=seed),
        tuple(count_rows(rows)),
        tuple(balance_notes(rows, media)),
        tuple(find_troubles(media)),
        tuple(find_flaws(rows, media)),
    )
