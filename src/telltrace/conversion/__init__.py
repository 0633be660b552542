"""Any CNN to its space-frequency form, by following what its forward pass does."""

from .convert import convert

__all__ = ["convert"]
