"""telltrace: tell whether a face in a picture or video was forged."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conversion import convert
    from .models import create_detector
    from .published import export_published, load_published

__version__ = "0.1.0"
__all__ = ["__version__", "convert", "create_detector", "export_published", "load_published"]

_ROOMS = {
    "convert": "conversion",
    "create_detector": "models",
    "export_published": "published",
    "load_published": "published",
}
"""Where each public function lives; its room, torch and all, is imported on first use."""


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_ROOMS[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOMS])
