"""How much smaller than the paper a table is run, and how each paper trained."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from telltrace.models.registry import DETECTORS, default_options
from telltrace.training import DataConfig, OptimConfig

from .tables import frozen


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What is changed against the paper's recipe; None changes nothing."""

    image_size: int | None = None
    """Side of the network's input, in pixels."""
    epochs: int | None = None
    frames: int | None = None
    """Frames of a training video."""
    test_frames: int | None = None
    """Frames of a test video."""
    batch_size: int | None = None
    lr: float | None = None
    """Learning rate: few steps need large ones."""

    def __str__(self) -> str:
        if self == Scale():
            return "as in the paper"
        return (
            f"reduced to {self.image_size} pixels, {self.epochs} epochs, {self.frames} frames of "
            f"a training and {self.test_frames} of a test video, batches of {self.batch_size}, "
            f"learning rate {self.lr:g}"
        )


SCALES: Final[dict[str, Scale]] = {
    "paper": Scale(),
    "small": Scale(image_size=96, epochs=6, frames=16, test_frames=32, batch_size=32, lr=5e-4),
    "tiny": Scale(image_size=64, epochs=3, frames=4, test_frames=16, batch_size=16, lr=1e-3),
}


@cache
def _recipes() -> dict[str, dict[str, dict[str, Any]]]:
    return tomllib.loads(files(__package__).joinpath("recipes.toml").read_text(encoding="utf-8"))


def settings(name: str, scale: Scale) -> tuple[DataConfig, OptimConfig]:
    """How a recipe of ``recipes.toml`` trains at this scale."""

    def part(name: str, **changed: float | None) -> dict[str, Any]:
        return frozen(recipe[name] | {k: v for k, v in changed.items() if v is not None})

    recipe = _recipes()[name]
    data = part("data", image_size=scale.image_size, batch_size=scale.batch_size)
    return DataConfig(**data), OptimConfig(**part("optim", epochs=scale.epochs, lr=scale.lr))


def builder_options(detector: str, options: Mapping[str, Any], image_size: int) -> dict[str, Any]:
    """The options of a detector at this size: some are built for one size of image.

    Examples:
        >>> builder_options("f3net", {}, 64)
        {'image_size': 64}
    """
    sized = detector in DETECTORS and "image_size" in default_options(detector)
    return {**options, "image_size": image_size} if sized else dict(options)
