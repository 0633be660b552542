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
    "conversion.convert": "layers.convert layers.convert_stages",
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
    "evaluation.intervals": "evaluate.resample",
    "evaluation.items": "evaluate.sweep",
    "evaluation.rendering": "evaluate.tables",
    "evaluation.thresholds": "evaluate.conformal evaluate.predictive evaluate.zone",
    "evaluation.calibration": "calibration",
    "files.pack": "data.pack",
    "files.pictures": "data.pictures",
    "inference.scoring": "inference.predict",
    "jobs.pool": "data.pool",
    "jobs.worker": "data.worker",
    "losses.classification": "losses.localization train.mixing",
    "losses.information": "losses.transport",
    "models.backbones": "models.sizes",
    "models.plain": "models.converted",
    "pixels.photometric": "data.looks",
    "published.layouts": "importing models.published",
    "reproduction": "reproduce",
    "reproduction.cells": "reproduce.scale",
    "reproduction.results": "reproduce.figures",
    "robustness.corruptions": "robustness.media",
    "robustness.results": "robustness.curves",
    "training": "train",
    "training.initialize": "train.objective train.recompute train.start",
    "training.run_log": "train.sight",
    "training.sweep": "train.compare",
    "training.trainer": "train.provenance train.validation",
    "visualization": "visualize",
    "visualization.faces": "visualize.blends visualize.sheets",
    **{f"pixels.{name}": f"data.{name}" for name in ("augmentations", "codecs", "geometry")},
    **{f"conversion.{x}": f"layers.convert_{x}" for x in ["pairs", "rules", "steps", "trace"]},
    **{
        f"published.{x}": f"models.{x}_published"
        for x in ["f3net", "information_bottleneck", "m2tr", "meso", "multi_task", "sficonv"]
    },
    "published.two_stream": "models.two_stream_published",
}
"""Rooms and modules, each with its old paths; what lies below them moved with them."""
_NAMES = {
    "auditing.leaks": "audit Leak find_leaks",
    "auditing.media": "audit Look Medium choose_files look_at look_at_files read_rows",
    "auditing.report": "audit audit_manifests audit_rows",
    "auditing.shortcuts": "audit Shortcut Shortcuts find_shortcuts",
    "auditing.tables": "audit render",
    "errors": "evaluate ScoresError=ManifestError",
    "evaluation": "robustness Draws",
    "evaluation.calibration": "evaluate margins reliability",
    "evaluation.columns": "evaluate VIDEO_KEY",
    "evaluation.comparison": "evaluate compare_clusters delong_variance",
    "evaluation.compatibility": "evaluate Difference",
    "evaluation.intervals": "evaluate Interval bootstrap_auc=cluster_interval t_interval",
    "evaluation.metrics": "evaluate accuracy average_precision balanced_accuracy brier "
    "equal_error_rate expected_calibration_error log_loss partial_auc tpr_at_fpr",
    "evaluation.ranking": "evaluate roc_curve",
    "evaluation.scores": "evaluate OPTIONAL",
    "evaluation.thresholds": "evaluate Zone conformal_zone",
    "evaluation.videos": "evaluate aggregate_videos",
    "inference.find": "inference find_media",
    "inference.scanner": "inference ScanPlan",
    "inference.verdict": "inference FileVerdict=Verdict",
    "layers.streams": "layers merge split",
    "losses.classification": "losses Mix draw_mix mix_images",
    "losses.information": "losses AutomaticWeighting InformationBottleneckLoss Parts "
    "automatic_weighting classification_loss global_information_loss kl_information "
    "line_transport local_information_loss sinkhorn squared_distances wasserstein_information",
    "published": "models export_published load_published",
    "reproduction.cells": "reproduce SCALES Scale",
    "reproduction.figures": "reproduce CellFigure cell_figure",
    "reproduction.results": "reproduce Result to_dict to_markdown to_text",
    "reproduction.tables": "reproduce load_table table_names",
    "robustness.results": "robustness read_robustness",
    "visualization.curves": "visualize save_histogram save_reliability save_roc",
}
"""Modules, each with an old room and names of it that lie, or whose successor lies, there now."""
RENAMED = {f"telltrace.{old}": f"telltrace.{new}" for new in _OLD for old in _OLD[new].split()}
MOVED = {
    f"telltrace.{room}.{old}": f"telltrace.{new}.{name or old}"
    for new, (room, *names) in ((new, words.split()) for new, words in _NAMES.items())
    for old, _, name in (word.partition("=") for word in names)
}


def new_path(old: str) -> str | None:
    """Where a module or name lies now; None for a path that is not old."""
    if old in MOVED:
        return MOVED[old]
    for known in sorted(RENAMED, key=len, reverse=True):
        if old == known or old.startswith(f"{known}."):
            return RENAMED[known] + old.removeprefix(known)
    return None


def old_names(module: str, new: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that knows the names of version 0.1, by the new ones.

    Those are names of the module, or paths.
    """

    def find(name: str) -> Any:
        if name not in new:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        text = f"{name} is now {new[name]}; the old name goes with the next release."
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        place, _, last = new[name].rpartition(".")
        return getattr(importlib.import_module(place or module), last)

    return find


class _Renamed(MetaPathFinder, Loader):
    """Finds an old path and gives the module, or what else it names, at the new one."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name.startswith("telltrace.") and new_path(name) else None

    def exec_module(self, module: ModuleType) -> None:
        old, new = module.__name__, new_path(module.__name__)
        assert new is not None
        found = _load(old, new)
        text = f"{old} is now {new}; the old path goes with the next release."
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        if hasattr(found, "__path__"):  # a stand-in, whose old modules hide no function of the room
            module.__dict__.update(__path__=[], __getattr__=partial(getattr, found))
        else:
            sys.modules[old] = found


def _load(old: str, new: str) -> Any:
    """A module, or a name of the module above it."""
    try:
        return importlib.import_module(new)
    except ModuleNotFoundError as error:
        if error.name != new:
            raise
    place, _, name = new.rpartition(".")
    try:
        return getattr(importlib.import_module(place), name)
    except AttributeError:
        raise ImportError(f"{old} is gone; what takes its place is in {place}", name=old) from None


class Package(ModuleType):
    """A room in which importing an old module hides no function of its name."""

    def __setattr__(self, name: str, value: Any) -> None:
        hidden = [*self.__all__, *vars(self).get("_OLD", ())]
        if not (name in hidden and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


def install() -> None:
    """Answer for old paths, before Python finds a second copy of a module below one of them."""
    sys.meta_path.insert(0, _Renamed())
