"""Import paths of version 0.1, which work for one more release, with a warning."""

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_OLD = {
    "auditing": "audit",
    "auditing.media": "audit.collect",
    "conversion.convert": "layers.convert",
    "conversion.convolutions": "layers.convert_weights",
    "data.blending": "data.blending_settings",
    "data.crops": "data.missed data.prepared",
    "data.datasets.crop_lists": "data.datasets.deepfakebench",
    "data.datasets.face_sets": "data.datasets.pictures",
    "data.datasets.video_sets": "data.datasets.celeb_df data.datasets.deeper_forensics "
    "data.datasets.ffpp",
    "data.extract": "data.masks",
    "evaluation": "evaluate",
    "evaluation.compact": "evaluate.table",
    "evaluation.comparison": "evaluate.compare evaluate.versus",
    "evaluation.compatibility": "evaluate.compat",
    "evaluation.groups": "evaluate.judging",
    "evaluation.rendering": "evaluate.tables",
    "evaluation.thresholds": "evaluate.conformal evaluate.predictive evaluate.zone",
    "inference.scoring": "inference.predict",
    "losses.classification": "losses.localization",
    "losses.information": "losses.transport",
    "models.backbones": "models.sizes",
    "models.plain": "models.converted",
    "packs.pack": "data.pack",
    "packs.pictures": "data.pictures",
    "pixels.photometric": "data.looks",
    "pools.pool": "data.pool",
    "pools.worker": "data.worker",
    "published.layouts": "importing models.published",
    "reproduction": "reproduce",
    "reproduction.cells": "reproduce.scale",
    "reproduction.results": "reproduce.figures",
    "training": "train",
    "training.initialize": "train.objective train.start",
    "training.run_log": "train.sight",
    "visualization": "visualize",
    "visualization.faces": "visualize.blends visualize.sheets",
    **{f"pixels.{name}": f"data.{name}" for name in ("augmentations", "codecs", "geometry")},
    **{
        f"conversion.{x}": f"layers.convert_{x}"
        for x in ["pairs", "rules", "stages", "steps", "trace"]
    },
    **{f"published.{x}": f"models.{x}_published" for x in ["f3net", "m2tr", "meso", "sficonv"]},
}
"""Rooms and modules, each with its old paths; what lies below them moved with them."""
RENAMED = {f"telltrace.{old}": f"telltrace.{new}" for new in _OLD for old in _OLD[new].split()}


def new_path(old: str) -> str | None:
    """Where a module lies now; None for a path that is not old."""
    for known in sorted(RENAMED, key=len, reverse=True):
        if old == known or old.startswith(f"{known}."):
            return RENAMED[known] + old.removeprefix(known)
    return None


def old_names(module: str, new: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that knows the names of version 0.1, by the new ones."""

    def find(name: str) -> Any:
        if name not in new:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        text = f"{name} is now {new[name]}; the old name goes with the next release."
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        return getattr(sys.modules[module], new[name])

    return find


class _Renamed(MetaPathFinder, Loader):
    """Finds an old path and gives the module at the new one."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name.startswith("telltrace.") and new_path(name) else None

    def exec_module(self, module: ModuleType) -> None:
        old, new = module.__name__, new_path(module.__name__)
        assert new is not None
        text = f"{old} is now {new}; the old path goes with the next release."
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        found = importlib.import_module(new)
        if hasattr(found, "__path__"):  # a stand-in, whose old modules hide no function of the room
            attributes = {"__name__": new, "__path__": [], "__getattr__": partial(getattr, found)}
            module.__dict__.update(attributes)
        else:
            sys.modules[old] = found


class Package(ModuleType):
    """A room in which importing an old module hides no function of its name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in self.__all__ and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


def install() -> None:
    """Answer for old paths, before Python finds a second copy of a module below one of them."""
    sys.meta_path.insert(0, _Renamed())
