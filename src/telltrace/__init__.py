"""telltrace: tell whether a face in a picture or video was forged.

The public names are loaded when they are first used, so that ``import telltrace`` is quick and
needs no torch.
"""

import importlib
import logging
import sys
from typing import TYPE_CHECKING, Any

from . import renamed, version

if TYPE_CHECKING:
    from .auditing import audit
    from .checkpoint import load_detector
    from .conversion import convert
    from .data import prepare
    from .errors import (
        CheckpointError,
        DependencyError,
        ManifestError,
        MediaError,
        OptionError,
        OutputError,
        TelltraceError,
    )
    from .evaluation import evaluate as evaluate
    from .inference import Scanner, predict, scan
    from .models import create_detector, list_detectors
    from .published import export_published, load_published
    from .training import train

__version__ = version.VERSION
__all__ = [
    "CheckpointError",
    "DependencyError",
    "ManifestError",
    "MediaError",
    "OptionError",
    "OutputError",
    "Scanner",
    "TelltraceError",
    "__version__",
    "audit",
    "convert",
    "create_detector",
    "evaluate",
    "export_published",
    "list_detectors",
    "load_detector",
    "load_published",
    "predict",
    "prepare",
    "scan",
    "train",
]
_HOMES = {
    "Scanner": "inference.Scanner",
    "audit": "auditing.audit",
    "convert": "conversion.convert",
    "create_detector": "models.create_detector",
    "evaluate": "evaluation.evaluate",
    "export_published": "published.export_published",
    "list_detectors": "models.list_detectors",
    "load_detector": "checkpoint.load_detector",
    "load_published": "published.load_published",
    "predict": "inference.predict",
    "prepare": "data.prepare",
    "scan": "inference.scan",
    "train": "training.train",
}
"""Where the public functions live; the other names are errors."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOMES.get(name, f"errors.{name}").rpartition(".")
    return getattr(importlib.import_module(f".{module}", __name__), attribute)


def __dir__() -> list[str]:
    return __all__


sys.modules[__name__].__class__ = renamed.Package
renamed.install()
logging.getLogger(__name__).addHandler(logging.NullHandler())  # whoever wants to hear sets a level
