"""The command line. Each function is one command: its signature is the option list, its
docstring the help text, and a YAML file given with ``--config`` its saved call.
"""

import sys
from collections.abc import Callable

from .audit import audit
from .calibrate import calibrate
from .detectors import complexity, detectors, import_weights
from .pack import pack
from .parser import run
from .prepare import prepare
from .reports import report
from .reproduce import reproduce
from .robustness import robustness
from .runs import runs
from .scan import scan
from .scores import evaluate, predict
from .show import show
from .train import train

COMMANDS: dict[str, Callable[..., int]] = {
    "scan": scan,
    "prepare": prepare,
    "pack": pack,
    "audit": audit,
    "show": show,
    "train": train,
    "runs": runs,
    "predict": predict,
    "evaluate": evaluate,
    "calibrate": calibrate,
    "robustness": robustness,
    "report": report,
    "reproduce": reproduce,
    "detectors": detectors,
    "complexity": complexity,
    "import-weights": import_weights,
}


def main(args: list[str] | None = None) -> int:
    """Run one command; its exit code is returned."""
    return run(COMMANDS, sys.argv[1:] if args is None else args)
