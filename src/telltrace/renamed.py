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

RENAMED = {
    "telltrace.audit.collect": "telltrace.auditing.media",
    "telltrace.audit": "telltrace.auditing",
    "telltrace.evaluate.compare": "telltrace.evaluation.comparison",
    "telltrace.evaluate.compat": "telltrace.evaluation.compatibility",
    "telltrace.evaluate.conformal": "telltrace.evaluation.thresholds",
    "telltrace.evaluate.judging": "telltrace.evaluation.groups",
    "telltrace.evaluate.predictive": "telltrace.evaluation.thresholds",
    "telltrace.evaluate.table": "telltrace.evaluation.compact",
    "telltrace.evaluate.tables": "telltrace.evaluation.rendering",
    "telltrace.evaluate.versus": "telltrace.evaluation.comparison",
    "telltrace.evaluate.zone": "telltrace.evaluation.thresholds",
    "telltrace.evaluate": "telltrace.evaluation",
    "telltrace.inference.predict": "telltrace.inference.scoring",
    "telltrace.importing": "telltrace.published.layouts",
    "telltrace.layers.convert": "telltrace.conversion.convert",
    "telltrace.layers.convert_weights": "telltrace.conversion.convolutions",
    "telltrace.losses.localization": "telltrace.losses.classification",
    "telltrace.losses.transport": "telltrace.losses.information",
    "telltrace.models.converted": "telltrace.models.plain",
    "telltrace.models.published": "telltrace.published.layouts",
    "telltrace.models.sizes": "telltrace.models.backbones",
    "telltrace.reproduce.figures": "telltrace.reproduction.results",
    "telltrace.reproduce.scale": "telltrace.reproduction.cells",
    "telltrace.reproduce": "telltrace.reproduction",
    "telltrace.train.objective": "telltrace.training.initialize",
    "telltrace.train.sight": "telltrace.training.run_log",
    "telltrace.train.start": "telltrace.training.initialize",
    "telltrace.train": "telltrace.training",
    "telltrace.visualize.blends": "telltrace.visualization.faces",
    "telltrace.visualize.sheets": "telltrace.visualization.faces",
    "telltrace.visualize": "telltrace.visualization",
}
"""Old rooms and modules, each with its new path; what lies below them moved with them."""
for _old, _new in {
    **{name: f"pixels.{name}" for name in ("geometry", "codecs", "augmentations")},
    "datasets.celeb_df": "data.datasets.video_sets",
    "datasets.deeper_forensics": "data.datasets.video_sets",
    "datasets.ffpp": "data.datasets.video_sets",
    "datasets.deepfakebench": "data.datasets.crop_lists",
    "datasets.pictures": "data.datasets.face_sets",
    "looks": "pixels.photometric",
    "pool": "pools.pool",
    "worker": "pools.worker",
    "pack": "packs.pack",
    "pictures": "packs.pictures",
    **dict.fromkeys(("missed", "prepared"), "data.crops"),
    "paper": "data.preparation",
    "masks": "data.extract",
    "blending_settings": "data.blending",
}.items():
    RENAMED[f"telltrace.data.{_old}"] = f"telltrace.{_new}"
for _name in ("pairs", "rules", "stages", "steps", "trace"):
    RENAMED[f"telltrace.layers.convert_{_name}"] = f"telltrace.conversion.{_name}"
for _name in ("f3net", "m2tr", "meso", "sficonv"):
    RENAMED[f"telltrace.models.{_name}_published"] = f"telltrace.published.{_name}"


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
