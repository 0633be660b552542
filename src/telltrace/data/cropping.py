"""From a manifest of media to a manifest of face crops, in parallel, and never twice."""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

import pandas as pd

from ..errors import ManifestError, MediaError, OutputError
from ..faces.align import FaceCrop
from ..faces.media import Sampling, Status
from ..files import write_json, write_table
from ..jobs.pool import run_jobs
from ..jobs.progress import progress
from ..jobs.threads import processors
from .crops import FAILURES, NAMES, SETTINGS
from .extract import lose_medium, run_extract
from .extraction import Extraction, ExtractJob, ExtractSettings, medium_folder, read_mark
from .manifest import COLUMNS, VIDEO_KEY, check_manifest, relative_path, source_of, write_manifest
from .paper import PaperSampling, Prepared
from .people import choose_faces, choose_videos

MANIFEST: Final = "manifest.csv"
PACKAGES: Final = ("telltrace", "av", "numpy", "opencv-python-headless", "pillow", "torch")
TIME_LIMIT: Final = 3600.0
"""Seconds of a medium, enough for an hour of video of which every frame is taken."""


def crop_media(
    manifest: pd.DataFrame,
    out: str | Path,
    crop: FaceCrop | None = None,
    sampling: Sampling | PaperSampling | None = None,
    workers: int | None = None,
    *,
    faces: Literal["one", "all"] = "one",
    show_progress: bool = True,
) -> Prepared:
    """Cut the faces out of every medium and write them beside a manifest of them.

    ``out`` then holds ``manifest.csv`` (one row a crop, in the order of the media), ``crops/``,
    ``failures.csv`` (media that gave no face or are damaged, with reason and remedy) and
    ``prepare.json`` (settings, versions and counts). The run may be killed at any moment: the
    same call goes on where it stopped, and the files are the same bytes in the end. Media whose
    file has changed are done again.

    A `PaperSampling` also chooses among the videos and the faces, and splits them. ``workers`` are
    processes; by default one for each processor, and 0 works in this process. One of ``faces`` a
    frame follows the main person.

    Raises:
        ManifestError: If a row is a crop already, or two rows name one video.
        MediaError: If not one medium gave a face, or there are fewer than the paper took.
        OutputError: If the disk does not take the crops, or ``out`` holds some of other settings.
    """
    started, out = time.perf_counter(), Path(out).absolute()
    crop, sampling, media = crop or FaceCrop(), sampling or Sampling(), check_media(manifest)
    if isinstance(sampling, PaperSampling):
        media = choose_videos(media, sampling)
    per_label = _settings(crop, sampling, faces)
    about = replace(per_label[1], limit=None).to_dict() | {"sampling": asdict(sampling)}
    about["face_detector"] = None if crop.alignment == "whole" else "mtcnn"
    refuse_other_settings(out / SETTINGS, about)
    aside = out / ".unfinished"
    jobs = [
        ExtractJob(path, str(out / medium_folder(*key)), str(aside), per_label[label], mask)
        for path, label, mask, *key in media[["path", "label", "mask", *VIDEO_KEY]].to_numpy()
    ]
    known = [read_mark(job) for job in jobs]
    waiting = [job for job, mark in zip(jobs, known, strict=True) if mark is None]
    done = _run(waiting, aside, processors() if workers is None else workers, show_progress)
    found = [mark or done[job] for job, mark in zip(jobs, known, strict=True)]
    counts = _counts(found)
    write_json({**about, **counts, "versions": {x: version(x) for x in PACKAGES}}, out / SETTINGS)
    crops = _write_results(media, jobs, found, out)
    if isinstance(sampling, PaperSampling):
        crops = choose_faces(crops, sampling)
    seconds = time.perf_counter() - started
    return Prepared(
        _write_manifest(crops, out),
        seconds=seconds,
        reused=len(media) - len(done),
        frames_per_second=sum(one.read for one in done.values()) / max(seconds, 1e-9),
        **counts,
    )


def _settings(
    crop: FaceCrop, sampling: Sampling | PaperSampling, faces: Literal["one", "all"]
) -> list[ExtractSettings]:
    """How the media of each label are cut."""
    if isinstance(sampling, Sampling):
        return [ExtractSettings(crop, sampling, faces)] * 2
    return [
        ExtractSettings(crop, Sampling("every", steps.step), faces, steps.frames)
        for steps in (sampling.real, sampling.fake)
    ]


def _counts(found: Sequence[Extraction]) -> dict[str, int]:
    return {
        "media": len(found),
        "failures": sum(not one.faces for one in found),
        "partial": sum(one.status == Status.PARTIAL for one in found),
        "frames_read": sum(one.read for one in found),
        "frames_with_face": sum(one.with_face for one in found),
        "lost_packets": sum(one.lost for one in found),
    }


def check_media(manifest: pd.DataFrame) -> pd.DataFrame:
    """The manifest, if it lists media and each video once; else a ManifestError."""
    media, file = check_manifest(manifest), source_of(manifest)
    crops = media[_are_crops(media)]
    if len(crops):
        what = f"{crops.path.iloc[0]} is a face crop already"
        raise ManifestError(what, remedy="Give a manifest of media", path=file)
    twice = media[media.duplicated(VIDEO_KEY)]
    if len(twice):
        name, second = "/".join(twice[VIDEO_KEY].iloc[0]), twice.path.iloc[0]
        what = f"the video {name} is listed twice, the second time as {second}"
        remedy = "Delete one of the rows, or give them different names in the column video"
        raise ManifestError(what, remedy=remedy, path=file)
    return media


def refuse_other_settings(file: Path, about: Mapping[str, Any], what: str = "crops") -> None:
    """What was made with other settings, those in ``file``, is not replaced: it may be in use.

    A setting that an older version did not write is taken for the present one.
    """
    if not file.exists():
        return
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        raise OutputError(
            f"is damaged: nobody knows how its {what} were made",
            remedy="Choose another --out, or delete the folder",
            path=file,
        ) from None
    now = json.loads(json.dumps(about))
    differ = [f"{k} {before[k]}, now {v}" for k, v in now.items() if before.get(k, v) != v]
    if differ:
        found = f"holds {what} of other settings ({'; '.join(differ)})"
        remedy = "Choose another --out, or delete the folder"
        raise OutputError(found, remedy=remedy, path=file.parent)


def _run(
    jobs: list[ExtractJob], aside: Path, workers: int, show: bool
) -> dict[ExtractJob, Extraction]:
    """Do the jobs and show how far they are."""
    found: dict[ExtractJob, Extraction] = {}
    shutil.rmtree(aside, ignore_errors=True)
    bar = progress("Preparing", len(jobs), "media") if show else nullcontext(lambda _: None)
    work = run_jobs(run_extract, jobs, workers, time_limit=TIME_LIMIT, lost=lose_medium)
    with bar as advance, closing(work) as results:
        for job, result in results:
            assert result is not None
            found[job] = result
            advance(1)
    shutil.rmtree(aside, ignore_errors=True)
    return found


def _write_results(
    media: pd.DataFrame, jobs: Sequence[ExtractJob], found: Sequence[Extraction], out: Path
) -> pd.DataFrame:
    """Write the failures and give a row for each crop."""
    rows, failures = [], []
    for medium, job, one in zip(media.to_dict("records"), jobs, found, strict=True):
        if one.status:
            said = (one.status, one.reason, one.remedy, *(medium[name] for name in NAMES))
            failures.append((relative_path(job.path, out), *said))
        for face in one.faces:
            files = {"path": face["file"], "mask": face.get("mask", "")}  # never the medium's
            places = {key: name and str(Path(job.folder, name)) for key, name in files.items()}
            rows.append(medium | face | places)
    columns = ["path", "status", "reason", "remedy", *NAMES]
    write_table(pd.DataFrame(failures, columns=columns), out / FAILURES)
    if rows:
        return check_manifest(pd.DataFrame(rows, columns=COLUMNS))
    (out / MANIFEST).unlink(missing_ok=True)
    raise MediaError(
        f"not one of {len(media)} media gave a face. The first: {failures[0][0]} "
        f"{failures[0][2]}. {failures[0][3]}. All of them are in {FAILURES}",
        path=out,
    )


def is_crops(manifest: pd.DataFrame) -> bool:
    """Whether a manifest lists face crops and no media."""
    return bool(_are_crops(manifest).all())


def _are_crops(manifest: pd.DataFrame) -> "pd.Series[bool]":
    return (manifest.frame >= 0) | (manifest.box != "")


def adopt_crops(manifest: pd.DataFrame, out: str | Path, crop: FaceCrop) -> pd.DataFrame:
    """Write a manifest of crops that exist, and how they were cut, as if `prepare` had cut them.

    The pictures stay where they are. ``crop`` must say how they were cut: a detector trained on
    them will see faces cut like that when it scans.

    Raises:
        ManifestError: If a row is a medium.
        OutputError: If ``out`` holds crops of other settings.
    """
    table = check_manifest(manifest)
    if not is_crops(table):
        remedy = "Cut their faces with prepare."
        raise ManifestError("lists media", remedy=remedy, path=source_of(manifest))
    out, about = Path(out).absolute(), {"crop": crop.to_dict()}
    refuse_other_settings(out / SETTINGS, about)
    write_json(about | {"adopted": True}, out / SETTINGS)
    return _write_manifest(table, out)


def _write_manifest(crops: pd.DataFrame, out: Path) -> pd.DataFrame:
    write_manifest(crops, out / MANIFEST)
    crops.attrs["file"] = str(out / MANIFEST)
    return crops
