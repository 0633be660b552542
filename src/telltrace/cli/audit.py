"""`telltrace audit`: manifests in, leaks and shortcuts out."""

import json as jsonlib
from pathlib import Path
from typing import Literal


def audit(
    manifest: list[Path],
    *,
    compare: Literal["both", "splits", "manifests"] = "both",
    limit: int = 20000,
    frames: int = 4,
    workers: int | None = None,
    json: bool = False,
    out: Path | None = None,
) -> int:
    """Look for leaks between splits, and for shortcuts that give the classes away.

    Exit code 0 when no leak was found, 1 when one was.

    Args:
        manifest: Manifests of media or of face crops, or packs.
        compare: What must have nothing in common: "splits" of all manifests together, whole
            "manifests", or "both": splits, and manifests that have none.
        limit: Files to open at most; where there are more, evenly spread over each video.
        frames: Frames of each video to look at.
        workers: Processes; by default one for each core.
        json: Print JSON instead of tables.
        out: Write the JSON to this file too.
    """
    from rich.console import Console

    from telltrace.auditing import audit as find
    from telltrace.auditing.tables import render
    from telltrace.files import write_json

    found = find(manifest, compare=compare, limit=limit, frames=frames, workers=workers)
    if out is not None:
        write_json(found.to_dict(), out)
    console = Console()
    if json:
        print(jsonlib.dumps(found.to_dict(), indent=2))
    else:
        width = console.width if console.is_terminal else 100
        print(render(found, width, console.is_terminal))
    return 1 if found.leaks else 0
