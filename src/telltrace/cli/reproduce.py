"""`telltrace reproduce`: a published table, run again."""

import json as jsonlib
import sys
from pathlib import Path
from typing import Literal

from telltrace.cli.options import Device


def reproduce(
    table: str,
    *,
    data: Path = Path("crops"),
    out: Path = Path("runs/reproduce"),
    scale: Literal["paper", "small", "tiny"] = "paper",
    seeds: list[int] = [7],  # noqa: B006  read, never changed
    rows: list[str] = [],  # noqa: B006
    columns: list[str] = [],  # noqa: B006
    plan: bool = False,
    show: bool = False,
    json: bool = False,
    device: Device = "auto",
) -> int:
    """Run a published table again and print our figures beside the published ones.

    Can be stopped at any moment and run again: it goes on where it was. Cells whose data is not
    on this machine are named, with the command that makes it. Writes OUT/TABLE.md and
    OUT/TABLE.json.

    Args:
        table: Name of the table; "list" lists them.
        data: Folder with one prepared data set a folder, such as DATA/ffpp-hq/manifest.csv.
        out: Folder for the runs; all tables share them.
        scale: "paper" trains as the paper did, "small" and "tiny" on less of everything.
        seeds: One run each; the paper's is 7.
        rows: Only these rows.
        columns: Only these columns.
        plan: Only say what would be run, and what is missing here.
        show: Run nothing; show what earlier runs have done.
        json: Print JSON instead of a table.
        device: Where to compute.
    """
    from telltrace.files import write_bytes, write_json
    from telltrace.reproduction.tables import load_table, table_names

    if table == "list":
        for name in table_names():
            print(f"{name:14} {load_table(name).title}")
        return 0
    asked = load_table(table)
    if plan:
        from telltrace.reproduction.cells import plan_table

        for cell in plan_table(asked, data, rows=rows, columns=columns):
            print(f"{cell.row.name:30} {cell.column.name:24} {cell.missing or 'can be run'}")
        return 0
    from telltrace.reproduction.results import to_dict, to_markdown, to_text
    from telltrace.reproduction.run import reproduce_table
    from telltrace.reproduction.scale import SCALES

    results = reproduce_table(
        asked, data, out, scale=scale, seeds=seeds, rows=rows, columns=columns, device=device,
        show=show, tell=lambda text: print(text, file=sys.stderr, flush=True),
    )  # fmt: skip
    how = f"{SCALES[scale]}, {len(seeds)} seed{'s' * (len(seeds) > 1)}"
    found = to_dict(asked, results, how)
    write_json(found, out / f"{table}.json")
    write_bytes(to_markdown(asked, results, how).encode(), out / f"{table}.md")
    print(jsonlib.dumps(found, indent=2) if json else to_text(asked, results, how))
    return 0
