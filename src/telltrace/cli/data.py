"""`telltrace prepare`, `pack` and `audit`: media to face crops, and whether they can be trusted."""

import json as jsonlib
from pathlib import Path
from typing import Any

from telltrace.faces import Alignment


def prepare(source: Path, **options: Any) -> int:
    """Turn a dataset's videos and pictures into face crops and a manifest.

    If it is interrupted, the same command resumes. Media that gave no face are listed with the
    reason in OUT/failures.csv. Layouts that list face crops (sficonv, ba-lists, deepfakebench,
    dfdc-faces) cut nothing: say with --size, --margin and --alignment how their crops were cut.
    """
    from telltrace import data

    print(data.prepare(source, **options))
    return 0


def pack(
    manifest: Path,
    out: Path,
    *,
    split: str | None = None,
    size: int | None = None,
    margin: float = 1.3,
    alignment: Alignment = "box",
) -> int:
    """Write a manifest's face crops and masks into one file, which is quick to open and to copy.

    Pixels and hashes stay the same; wherever a manifest of face crops is asked for, the pack may
    be given in its place.

    Args:
        manifest: Face crops, as `telltrace prepare` writes them, or a table of your own.
        out: File to write; its name ends in .pack.
        split: Only the rows of this split, such as train.
        size: Side of the crops in pixels, where no prepare.json beside the manifest says it.
        margin: There, side of a crop as a multiple of the face box.
        alignment: There, whether crops are upright, turned and scaled by five landmarks, whole
            pictures, or cut as a published detector does (dfb, sbi, dfdc, ispl).
    """
    from telltrace.data.crops import read_crops, write_pack
    from telltrace.faces.align import FaceCrop

    cut = size and FaceCrop(size=size, margin=margin, alignment=alignment)
    table, crop = read_crops([manifest], split=split, cut=cut or None)
    written = write_pack(table, crop, out)
    print(f"{len(table)} crops, {written / 2**20:.1f} MiB -> {out}")
    return 0


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
    from telltrace.files import check_output, write_json

    if out is not None:
        check_output(out)
    found = auditing.audit(manifest, **options)
    if out is not None:
        write_json(found.to_dict(), out)
    if json:
        print(jsonlib.dumps(found.to_dict(), indent=2))
    else:
        console = Console()
        print(render(found, console.width if console.is_terminal else 100, console.is_terminal))
    return int(bool(found.leaks))
