"""`telltrace prepare`: a dataset in, face crops and a manifest out."""

from pathlib import Path
from typing import Any


def prepare(source: Path, **options: Any) -> int:
    """Turn a dataset's videos and pictures into face crops and a manifest.

    Can be stopped at any moment and run again: it goes on where it was. Media that gave no
    face are listed with the reason in OUT/failures.csv. Layouts that list face crops (sficonv,
    ba-lists, deepfakebench) cut nothing: say with --size, --margin and --alignment how their
    crops were cut.
    """
    from telltrace import data

    print(data.prepare(source, **options))
    return 0
