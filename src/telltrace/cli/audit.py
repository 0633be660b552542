"""`telltrace audit`: manifests in, leaks and shortcuts out."""

import json as jsonlib
from pathlib import Path
from typing import Any


def audit(
    manifest: list[Path], *, json: bool = False, out: Path | None = None, **options: Any
) -> int:
    """Look for leaks between splits, and for shortcuts that give the classes away.

    Exit code 0 when no leak was found, 1 when one was.

    Args:
        manifest: Manifests of media or of face crops, or packs.
        json: Print JSON instead of tables.
        out: Write the JSON to this file too.
        **options: Those of `telltrace.auditing.audit`.
    """
    from rich.console import Console

    from telltrace import auditing
    from telltrace.auditing.tables import render
    from telltrace.files import write_json

    found = auditing.audit(manifest, **options)
    if out is not None:
        write_json(found.to_dict(), out)
    console = Console()
    if json:
        print(jsonlib.dumps(found.to_dict(), indent=2))
    else:
        width = console.width if console.is_terminal else 100
        print(render(found, width, console.is_terminal))
    return 1 if found.leaks else 0
