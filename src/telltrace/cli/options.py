"""Choices that several commands offer."""

from typing import Literal

SampleMode = Literal["spread", "every", "fps", "all"]
"""Which frames of a video."""

Device = Literal["auto", "cpu", "cuda"]
"""Where to compute."""
