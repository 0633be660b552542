"""Score every corruption at every level: one scores table a cell, and never the same cell twice."""

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from telltrace.checkpoint import Detector
from telltrace.data.cropping import crop_media, refuse_other_settings
from telltrace.data.crops import SETTINGS, check_cut, cut_again, read_crops
from telltrace.data.manifest import manifest_hash, read_manifest, relative_path
from telltrace.errors import check_not_negative, check_positive
from telltrace.evaluation.columns import VIDEO_KEY
from telltrace.evaluation.scores import COLUMNS, read_scores, write_scores
from telltrace.faces.align import FaceCrop
from telltrace.faces.media import Sampling
from telltrace.files import write_json
from telltrace.files.pictures import read_crop
from telltrace.jobs.progress import progress
from telltrace.models.state_dicts import weights_sha256

from .corruptions import CORRUPTIONS, LEVELS, check_corruption, corrupt, corrupt_medium
from .results import CLEAN, Robustness, summarise

PLAN = "plan.json"
RESULTS = "robustness.json"


def measure_robustness(
    detector: Detector,
    manifest: Path,
    out: Path,
    *,
    corruptions: Sequence[str] = (),
    levels: Sequence[int] = (),
    split: str | None = None,
    frames: int = 8,
    seed: int = 0,
    batch_size: int = 32,
) -> Robustness:
    """Judge the same faces clean and corrupted.

    A manifest of face crops has its crops corrupted; those of one video are coded together, in
    their order. A manifest of media has the media themselves corrupted and their faces found and
    cut again, which takes longer and is nearer to life.

    ``out`` then holds ``scores/CORRUPTION-LEVEL.csv``, ``scores/clean.csv`` and
    ``robustness.json``. A run that was stopped goes on where it was.

    Args:
        detector: The detector.
        manifest: Manifest of face crops, or of media.
        out: Folder for scores, results and curves.
        corruptions: Only these; by default all.
        levels: Only these, of 1 (weak) to 5 (strong); by default all.
        split: Only the rows of this split, such as test.
        frames: Faces of each video; 0 for all crops, or for prepare's 32 of whole media.
        seed: Seed of all chance.
        batch_size: Faces per call of the network.

    Raises:
        ValueError: If a corruption is unknown, the crops were aligned in another way than the
            detector wants, or ``out`` holds results of other settings.
    """
    check_not_negative(frames=frames, seed=seed)
    check_positive(batch_size=batch_size)
    names, chosen = list(corruptions) or list(CORRUPTIONS), list(levels) or [*range(1, LEVELS + 1)]
    cells = [(name, level) for name in names for level in chosen]
    for name, level in cells:
        check_corruption(name, level)
    table, crop = _read(detector, manifest, split)
    if crop is not None:
        table = thin_out(table, frames or None).reset_index(drop=True)
    _agree_on_plan(detector, table, out, media=crop is None, frames=frames or None, seed=seed)
    # chance hangs on paths from the manifest, not on where the data lies
    table["key"] = [relative_path(path, manifest.parent) for path in table.path]
    score = (
        partial(_score_crops, crop=crop) if crop else partial(_score_media, out=out, frames=frames)
    )
    with progress("Scoring", len(cells) + 1, "cells") as advance:
        for name, level in [(CLEAN, 0), *cells]:
            path = scores_path(out, name, level)
            if not path.exists():
                write_scores(score(detector, table, name, level, seed, batch_size), path)
            advance(1)
    clean = read_scores(scores_path(out, CLEAN, 0))
    tables = ((name, level, read_scores(scores_path(out, name, level))) for name, level in cells)
    found = summarise(clean, tables, detector.card.calibration)
    write_json(found.to_dict(), out / RESULTS)
    return found


def _agree_on_plan(detector: Detector, table: pd.DataFrame, out: Path, **settings: Any) -> None:
    """Keep in ``out`` what its results depend on; other settings than those there are refused."""
    plan = {
        "schema": "telltrace.robustness-plan/1",
        "detector": detector.card.detector,
        "weights": detector.sha256 or weights_sha256(detector.network),
        "manifest": manifest_hash(table),
        **settings,
        "levels": {name: list(one.levels) for name, one in CORRUPTIONS.items()},
    }
    refuse_other_settings(out / PLAN, plan, "results")
    write_json(plan, out / PLAN)


def thin_out(manifest: pd.DataFrame, frames: int | None) -> pd.DataFrame:
    """At most so many rows a video, spread evenly over it; all of them for None.

    Examples:
        >>> table = pd.DataFrame({**dict.fromkeys(VIDEO_KEY, "a"), "frame": range(9)})
        >>> thin_out(table, 3).frame.tolist()
        [0, 4, 8]
    """
    if frames is None:
        return manifest
    kept: list[int] = []
    for _, rows in manifest.sort_values("frame", kind="stable").groupby(VIDEO_KEY, sort=False):
        places = np.linspace(0, len(rows) - 1, min(frames, len(rows))).round().astype(int)
        kept += rows.index[places].tolist()
    return manifest[manifest.index.isin(kept)]


def scores_path(out: Path, name: str, level: int) -> Path:
    """Where the scores of a cell lie."""
    return out / "scores" / (f"{name}.csv" if name == CLEAN else f"{name}-{level}.csv")


def _read(
    detector: Detector, manifest: Path, split: str | None
) -> tuple[pd.DataFrame, FaceCrop | None]:
    """The rows, and how they were cut; None for media."""
    if manifest.suffix == ".csv":
        rows = read_manifest(manifest)
        whole = ((rows.frame < 0) & (rows.box == "")).all()
        if whole and not manifest.with_name(SETTINGS).is_file():
            return rows if split is None else rows[rows.split == split].reset_index(drop=True), None
    table, crop = read_crops([manifest], split=split)
    check_cut(crop, detector.crop)
    return table, crop


def _score_crops(
    detector: Detector, table: pd.DataFrame, name: str, level: int, seed: int, batch_size: int,
    *, crop: FaceCrop,
) -> pd.DataFrame:  # fmt: skip
    parts = []
    for _, group in table.groupby(VIDEO_KEY, sort=True):
        rows = group.sort_values(["frame", "path"], kind="stable")
        images = cut_again(rows, crop, detector.crop)
        if name != CLEAN:
            images = corrupt(images, rows.key.tolist(), name, level, seed)
        batches = (images[i : i + batch_size] for i in range(0, len(rows), batch_size))
        parts.append(rows.assign(score=np.concatenate([*map(detector.score, batches)])))
    return pd.concat(parts).sort_index()[COLUMNS].reset_index(drop=True)


def _score_media(
    detector: Detector, table: pd.DataFrame, name: str, level: int, seed: int, batch_size: int,
    *, out: Path, frames: int,
) -> pd.DataFrame:  # fmt: skip
    """Corrupt the media, cut their faces anew, judge these; the copies are not kept."""
    copies, crops = (out / kind / f"{name}-{level}" for kind in ("media", "crops"))
    files = table.drop(columns="key")
    if name != CLEAN:
        copied = [
            corrupt_medium(Path(path), copies / f"{i:06d}", name, level, key=key, seed=seed)
            for i, (path, key) in enumerate(zip(table.path, table.key, strict=True))
        ]
        files = files.assign(path=[str(path) for path in copied], mask="")
    sampling, cut = Sampling("spread", frames) if frames else None, detector.crop
    rows = crop_media(files, crops, cut, sampling, workers=0, show_progress=False).manifest
    scores: list[float] = []
    for start in range(0, len(rows), batch_size):
        images = [read_crop(path) for path in rows.path[start : start + batch_size]]
        scores += detector.score(images).tolist()
    shutil.rmtree(copies, ignore_errors=True)
    shutil.rmtree(crops, ignore_errors=True)
    medium = table.set_index(VIDEO_KEY).path  # the crops' own files are gone
    paths = medium.loc[pd.MultiIndex.from_frame(rows[VIDEO_KEY])].to_numpy()
    return rows.assign(path=paths, score=scores)[COLUMNS].reset_index(drop=True)
