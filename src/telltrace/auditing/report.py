"""The audit: what was looked at and what was found, as data and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from .leaks import Leak
    from .quality import Count, Flawed, Trouble
    from .shortcuts import Shortcuts

SCHEMA: Final = "telltrace-audit/1"
"""Version of `Audit.to_dict`: a new number where a field changes its meaning or goes."""


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
    leaks: "tuple[Leak, ...]"
    shortcuts: "Shortcuts"
    counts: "tuple[Count, ...]"
    notes: tuple[str, ...]
    troubles: "tuple[Trouble, ...]"
    flaws: "tuple[Flawed, ...]"

    def to_dict(self) -> dict[str, Any]:
        """The audit as JSON holds it."""
        leaks = [{**asdict(leak), "remedy": leak.remedy} for leak in self.leaks]
        shortcuts = self.shortcuts.to_dict()
        return {"schema": SCHEMA, **asdict(self), "leaks": leaks, "shortcuts": shortcuts}


def audit(
    manifest: Sequence[str | Path],
    *,
    compare: Literal["both", "splits", "manifests"] = "both",
    limit: int = 20000,
    frames: int = 4,
    workers: int | None = None,
    seed: int = 0,
) -> Audit:
    """Look for leaks between splits, and for shortcuts that give the classes away.

    Args:
        manifest: Manifests of media or of face crops, or packs.
        compare: What must have nothing in common: "splits" of all manifests together, whole
            "manifests", or "both": splits, and manifests that have none.
        limit: Files to open at most; where there are more, evenly spread over each video.
        frames: Frames of each video to look at.
        workers: Processes; by default one for each core.
        seed: Seed of folds and draws.

    Raises:
        ManifestError: If a manifest cannot be read.
    """
    from ..errors import check_not_negative, check_positive
    from ..jobs.progress import progress
    from ..jobs.threads import processors
    from .leaks import find_leaks
    from .media import choose_files, look_at_files, read_rows
    from .quality import balance_notes, count_rows, find_flaws, find_troubles
    from .shortcuts import find_shortcuts

    workers = processors() if workers is None else workers
    check_positive(frames=frames)
    check_not_negative(seed=seed, workers=workers)
    rows = read_rows(manifest, compare)
    chosen = choose_files(rows, limit)
    with progress("Auditing", len(chosen), "files") as advance:
        media = look_at_files(chosen, frames=frames, workers=workers, after=advance)
    return Audit(
        manifests=tuple(rows.manifest.unique()),
        sides=tuple(side for side in rows.side.unique() if side),
        rows=len(rows),
        files=rows.path.nunique(),
        looked_at=len(chosen),
        leaks=tuple(find_leaks(rows, media)),
        shortcuts=find_shortcuts(rows, media, seed=seed),
        counts=tuple(count_rows(rows)),
        notes=tuple(balance_notes(rows, media)),
        troubles=tuple(find_troubles(media)),
        flaws=tuple(find_flaws(rows, media)),
    )
