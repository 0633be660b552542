"""telltrace: tell whether a face in a picture or video was forged.

The public names are loaded when they are first used, so that ``import telltrace`` is quick and
needs no torch.
"""

import logging
import sys
from typing import TYPE_CHECKING

from . import renamed
from .files import version
from .lazy import lazy_names

if TYPE_CHECKING:
    from .auditing import audit as audit
    from .checkpoint import load_detector as load_detector
    from .conversion import convert as convert
    from .data import prepare as prepare
    from .errors import CheckpointError as CheckpointError
    from .errors import DependencyError as DependencyError
    from .errors import ManifestError as ManifestError
    from .errors import MediaError as MediaError
    from .errors import OptionError as OptionError
    from .errors import OutputError as OutputError
    from .errors import TelltraceError as TelltraceError
    from .evaluation import evaluate as evaluate
    from .inference import Scanner as Scanner
    from .inference import predict as predict
    from .inference import scan as scan
    from .models import create_detector as create_detector
    from .models import list_detectors as list_detectors
    from .published import export_published as export_published
    from .published import load_published as load_published
    from .training import train as train

__version__ = version.VERSION
_ROOMS = {
    "auditing": "audit",
    "checkpoint": "load_detector",
    "conversion": "convert",
    "data": "prepare",
    "errors": "CheckpointError DependencyError ManifestError MediaError OptionError OutputError "
    "TelltraceError",
    "evaluation": "evaluate",
    "inference": "Scanner predict scan",
    "models": "create_detector list_detectors",
    "published": "export_published load_published",
    "training": "train",
}
"""Where the public names are defined."""
__all__ = sorted([*" ".join(_ROOMS.values()).split(), "__version__"])
__getattr__ = lazy_names(__name__, _ROOMS)


def __dir__() -> list[str]:
    return __all__


sys.modules[__name__].__class__ = renamed.Package
renamed.install()
logging.getLogger(__name__).addHandler(logging.NullHandler())  # whoever wants to hear sets a level
