"""Serving: the same scans over HTTP, as jobs that survive a restart, and a page for browsers."""

from typing import TYPE_CHECKING

from telltrace.lazy import lazy_names

from .settings import ServeSettings

__all__ = ["ServeSettings", "create_app", "serve_forever"]

if TYPE_CHECKING:
    from .app import create_app, serve_forever
else:
    __getattr__ = lazy_names(__name__, {"app": "create_app serve_forever"})
