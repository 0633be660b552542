"""`telltrace train`: face crops and settings in, a checkpoint out."""

from typing import Any


def train(**options: Any) -> int:
    """Train a detector; the epoch that is best on the validation split is kept.

    Stopped and started again with the same settings it goes on where it was, and ends with the
    same weights as a run that never stopped.
    """
    from telltrace import training
    from telltrace.training.processes import is_first

    result = training.train(**options)
    if options.get("sweep") is not None:
        import pandas as pd

        print(pd.read_csv(result).to_string(index=False, na_rep="-"))
        print(f"Every run and {result.name} -> {result.parent}")
    elif is_first():
        print(f"Best epoch -> {result}")
    return 0
