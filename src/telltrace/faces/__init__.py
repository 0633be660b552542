"""Faces: media in, frames and cropped faces out."""

from typing import Literal

Alignment = Literal["box", "similarity", "median", "dfb", "whole", "sbi", "dfdc", "ispl"]
"""Ways to cut a face; see :class:`~telltrace.faces.align.FaceCrop`."""
