"""Score every corruption at every level: one scores table a cell, and never the same cell twice."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from telltrace.checkpoint import Detector
from telltrace.columns import VIDEO_KEY
from telltrace.data.cropping import crop_media
from telltrace.data.crops import SETTINGS, Faces, check_cut, read_crops
from telltrace.data.manifest import manifest_hash, read_manifest, relative_path
from telltrace.errors import OutputError
from telltrace.evaluation.scores import COLUMNS, read_scores, write_scores
from telltrace.faces.align import FaceCrop
from telltrace.faces.media import Sampling
from telltrace.files import write_json
from telltrace.packs.pictures import read_crop
from telltrace.progress import progress
from telltrace.state_dicts import weights_sha256

from .corruptions import CORRUPTIONS, LEVELS, check_corruption, corrupt
from .media import corrupt_medium
from .results import CLEAN, Robustness, summarise

PLAN = "plan.json"
RESULTS = "robustness.json"


@dataclass(frozen=True)
class _Work:
    """What all cells share."""

    detector: Detector
    table: pd.DataFrame
    crop: FaceCrop | None
    """How crops were cut; None for media."""
    root: Path
    """Folder that paths are named from, so that chance does not hang on where data lies."""
    out: Path
    seed: int
    frames: int | None
    batch_size: int


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
        ValueError: If a corruption is unknown, the crops were aligned in another way than
            the detector wants, or ``out`` holds results of other settings.
    """
    names, chosen = list(corruptions) or list(CORRUPTIONS), list(levels) or [*range(1, LEVELS + 1)]
    cells = [(name, level) for name in names for level in chosen]
    for name, level in cells:
        check_corruption(name, level)
    table, crop = _read(detector, manifest, split)
    if crop is not None:
        table = thin_out(table, frames or None).reset_index(drop=True)
    work = _Work(detector, table, crop, manifest.parent, out, seed, frames or None, batch_size)
    _agree_on_plan(work, crop is None)
    score = _score_media if crop is None else _score_crops
    with progress("Scoring", len(cells) + 1, "cells") as advance:
        for name, level in [(CLEAN, 0), *cells]:
            path = scores_path(out, name, level)
            if not path.exists():
                write_scores(score(work, name, level), path)
            advance(1)
    clean = read_scores(scores_path(out, CLEAN, 0))
    tables = ((name, level, read_scores(scores_path(out, name, level))) for name, level in cells)
    found = summarise(clean, tables, detector.card.calibration)
    write_json(found.to_dict(), out / RESULTS)
    return found


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
            rows = rows if split is None else rows[rows.split == split].reset_index(drop=True)
            return rows, None
    table, crop = read_crops([manifest], split=split)
    check_cut(crop, detector.card.preprocessing.crop)
    return table, crop


def _agree_on_plan(work: _Work, media: bool) -> None:
    """Write down what the scores depend on; refuse a folder that holds others."""
    plan: dict[str, Any] = {
        "schema": "telltrace.robustness-plan/1",
        "detector": work.detector.card.detector,
        "weights": weights_sha256(work.detector.network),
        "manifest": manifest_hash(work.table),
        "media": media,
        "frames": work.frames,
        "seed": work.seed,
        "levels": {name: list(one.levels) for name, one in CORRUPTIONS.items()},
    }
    path = work.out / PLAN
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        other = [key for key in plan if before.get(key) != plan[key]]
        if other:
            raise OutputError(
                f"holds results of another {', '.join(other)}",
                remedy="Choose another --out, or delete the folder.",
                path=work.out,
            )
    write_json(plan, path)


def _score_crops(work: _Work, name: str, level: int) -> pd.DataFrame:
    parts = []
    assert work.crop is not None
    for _, group in work.table.groupby(VIDEO_KEY, sort=True):
        rows = group.sort_values(["frame", "path"], kind="stable")
        faces, wanted = Faces(rows, [work.crop] * len(rows)), work.detector.card.preprocessing.crop
        images = [faces.cut(row, wanted) for row in range(len(rows))]
        if name != CLEAN:
            keys = [relative_path(path, work.root) for path in rows.path]
            images = corrupt(images, keys, name, level, work.seed)
        parts.append(rows.assign(score=list(_score(work, images))))
    return pd.concat(parts).sort_index()[COLUMNS].reset_index(drop=True)


def _score_media(work: _Work, name: str, level: int) -> pd.DataFrame:
    """Corrupt the media, cut their faces anew, judge these; the copies are not kept."""
    cell = f"{name}-{level}"
    files, copies = work.table, work.out / "media" / cell
    if name != CLEAN:
        keys = [relative_path(path, work.root) for path in files.path]
        copied = [
            corrupt_medium(Path(path), copies / f"{i:06d}", name, level, key=key, seed=work.seed)
            for i, (path, key) in enumerate(zip(files.path, keys, strict=True))
        ]
        files = files.assign(path=[str(path) for path in copied], mask="")
    crops = work.out / "crops" / cell
    sampling = Sampling() if work.frames is None else Sampling("spread", work.frames)
    wanted = work.detector.card.preprocessing.crop
    rows = crop_media(files, crops, wanted, sampling, workers=0, show_progress=False).manifest
    scores = []
    for start in range(0, len(rows), work.batch_size):
        images = [read_crop(path) for path in rows.path[start : start + work.batch_size]]
        scores += list(_score(work, images))
    shutil.rmtree(copies, ignore_errors=True)
    shutil.rmtree(crops, ignore_errors=True)
    names = work.table[VIDEO_KEY].itertuples(index=False, name=None)
    medium = dict(zip(names, work.table.path, strict=True))  # the crops' own files are gone
    paths = [medium[key] for key in rows[VIDEO_KEY].itertuples(index=False, name=None)]
    return rows.assign(path=paths, score=scores)[COLUMNS].reset_index(drop=True)


def _score(work: _Work, images: Sequence[np.ndarray[Any, np.dtype[np.uint8]]]) -> Iterator[float]:
    for start in range(0, len(images), work.batch_size):
        batch = images[start : start + work.batch_size]
        resized = np.stack([work.detector.card.preprocessing.resize(image) for image in batch])
        yield from work.detector.score_resized(resized).tolist()
