"""`telltrace train`: face crops and settings in, a checkpoint out."""

import functools
from typing import Any

from telltrace import training


@functools.wraps(training.train)
def train(**options: Any) -> int:
    """Call the library function and print where its result is."""
    result = training.train(**options)
    from telltrace.training.processes import is_first

    if options.get("sweep") is not None:
        import pandas as pd

        print(pd.read_csv(result).to_string(index=False, na_rep="-"))
        print(f"Every run and {result.name} -> {result.parent}")
    elif is_first():
        print(f"Best epoch -> {result}")
    return 0
