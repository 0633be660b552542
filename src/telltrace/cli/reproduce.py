"""`telltrace reproduce`: a published table, run again."""

import json as jsonlib
from pathlib import Path
from typing import Any


def reproduce(table: str, *, plan: bool = False, json: bool = False, **options: Any) -> int:
    """Run a published table again and print our figures beside the published ones.

    Can be stopped at any moment and run again: it goes on where it was. Cells whose data is not
    on this machine are named, with the command that makes it. Writes OUT/TABLE.md and
    OUT/TABLE.json.

    Args:
        table: Name of the table; "list" lists them.
        plan: Only say what would be run, and what is missing here.
        json: Print JSON instead of a table.
        options: Those of the library function.
    """
    from telltrace.reproduction.tables import load_table, table_names

    if table == "list":
        for name in table_names():
            print(f"{name:14} {load_table(name).title}")
        return 0
    asked = load_table(table)
    if plan:
        from telltrace.reproduction.cells import plan_table

        for cell in plan_table(asked, options["data"], options["rows"], options["columns"]):
            print(f"{cell.row.name:30} {cell.column.name:24} {cell.missing or 'can be run'}")
        return 0
    from telltrace.files import write_bytes, write_json
    from telltrace.reproduction import reproduce_table
    from telltrace.reproduction.results import to_dict, to_markdown, to_text
    from telltrace.reproduction.scale import SCALES

    results, seeds, out = reproduce_table(asked, **options), options["seeds"], Path(options["out"])
    how = f"{SCALES[options['scale']]}, {len(seeds)} seed{'s' * (len(seeds) > 1)}"
    found = to_dict(asked, results, how)
    write_json(found, out / f"{table}.json")
    write_bytes(to_markdown(asked, results, how).encode(), out / f"{table}.md")
    print(jsonlib.dumps(found, indent=2) if json else to_text(asked, results, how))
    return 0
