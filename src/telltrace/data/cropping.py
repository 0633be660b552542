"""From a manifest of media to a manifest of face crops, in parallel, and never twice."""

import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

import pandas as pd

from ..errors import ManifestError, MediaError
from ..faces.align import FaceCrop
from ..faces.media import Sampling, Status
from ..files import write_json, write_table
from ..pools import processors, run_jobs
from ..progress import progress
from .extract import ExtractJob, lose_medium, run_extract
from .extraction import Extraction, ExtractSettings, medium_folder, read_mark
from .manifest import (
    COLUMNS,
    VIDEO_KEY,
    check_manifest,
    relative_path,
    source_of,
    write_manifest,
)
from .paper import PaperSampling, Prepared
from .prepared import FAILURES, NAMES, SETTINGS, refuse_other_settings
from .sampling import choose_faces, choose_videos

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
    time_limit: float = TIME_LIMIT,
    show_progress: bool = True,
) -> Prepared:
    """Cut the faces out of every medium and write them beside a manifest of them.

    ``out`` then holds ``manifest.csv`` (one row a crop, in the order of the media), ``crops/``,
    ``failures.csv`` (media that gave no face or are damaged, with reason and remedy) and
    ``prepare.json`` (settings, versions and counts). The run may be killed at any moment: the
    same call goes on where it stopped, and the files are the same bytes in the end. Media whose
    file has changed are done again.

    Args:
        manifest: Media, such as `read_ffpp` gives them; one row each.
        out: Folder to write.
        crop: How a face is cut out.
        sampling: Which frames to look at. A `PaperSampling` also chooses among the videos and the
            faces, and splits them.
        workers: Processes; by default one for each processor, and 0 works in this process.
        faces: One face a frame, following the main person, or all of them.
        time_limit: Seconds of a medium after which the process that reads it is killed.
        show_progress: Draw a progress bar on standard error, if that is a terminal.

    Raises:
        ManifestError: If a row is a crop already, or two rows name one video.
        MediaError: If not one medium gave a face, or there are fewer than the paper took.
        OutputError: If the disk does not take the crops, or ``out`` holds some of other settings.
    """
    started, out = time.perf_counter(), Path(out).absolute()
    sampling = sampling or Sampling()
    media, settings = check_media(manifest), _settings(crop or FaceCrop(), sampling, faces)
    if isinstance(sampling, PaperSampling):
        media = choose_videos(media, sampling)
    folders = [out / folder for folder in map(medium_folder, *(media[c] for c in VIDEO_KEY))]
    asked = [settings[label] for label in media.label]
    about = settings[1].to_dict() | {"sampling": asdict(sampling)}
    about.pop("limit", None)
    refuse_other_settings(out, about)
    aside = str(out / ".unfinished")
    jobs = [
        ExtractJob(path, str(folder), aside, how, mask)
        for path, folder, how, mask in zip(media.path, folders, asked, media["mask"], strict=True)
    ]
    known = [read_mark(Path(job.folder), job.path, job.settings, job.mask) for job in jobs]
    workers = processors() if workers is None else workers
    waiting = [job for job, mark in zip(jobs, known, strict=True) if mark is None]
    done = _run(waiting, aside, workers, time_limit, show_progress)
    seconds = time.perf_counter() - started
    found = [mark or done[job] for job, mark in zip(jobs, known, strict=True)]
    return Prepared(
        _write_results(media, folders, found, about, out, sampling),
        seconds=seconds,
        reused=len(media) - len(done),
        frames_per_second=sum(one.read for one in done.values()) / max(seconds, 1e-9),
        **_counts(found),
    )


def _settings(
    crop: FaceCrop, sampling: Sampling | PaperSampling, faces: Literal["one", "all"]
) -> dict[int, ExtractSettings]:
    """How the media of each label are cut."""
    if isinstance(sampling, Sampling):
        return dict.fromkeys((0, 1), ExtractSettings(crop, sampling, faces))
    return {
        label: ExtractSettings(crop, Sampling("every", steps.step), faces, steps.frames)
        for label, steps in enumerate((sampling.real, sampling.fake))
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
        name = "/".join(twice[VIDEO_KEY].iloc[0])
        raise ManifestError(
            f"the video {name} is listed twice, the second time as {twice.path.iloc[0]}",
            remedy="Delete one of the rows, or give them different names in the column video",
            path=file,
        )
    return media


def _run(
    jobs: list[ExtractJob], aside: str, workers: int, time_limit: float, show: bool
) -> dict[ExtractJob, Extraction]:
    """Do the jobs and show how far they are."""
    found: dict[ExtractJob, Extraction] = {}
    shutil.rmtree(aside, ignore_errors=True)
    bar = progress("Preparing", len(jobs), "media") if show else nullcontext(lambda _: None)
    work = run_jobs(run_extract, jobs, workers, time_limit=time_limit, lost=lose_medium)
    with bar as advance, closing(work) as results:
        for job, result in results:
            assert result is not None
            found[job] = result
            advance(1)
    shutil.rmtree(aside, ignore_errors=True)
    return found


def _write_results(
    media: pd.DataFrame,
    folders: Sequence[Path],
    found: Sequence[Extraction],
    about: Mapping[str, Any],
    out: Path,
    sampling: Sampling | PaperSampling,
) -> pd.DataFrame:
    """Write failures, settings and, last, the manifest; give the manifest back."""
    names = ["path", "status", "reason", "remedy", *NAMES]
    named = media[NAMES].itertuples(index=False, name=None)
    failures = [
        (relative_path(path, out), one.status, one.reason, one.remedy, *name)
        for path, one, name in zip(media.path, found, named, strict=True)
        if one.status
    ]
    write_table(pd.DataFrame(failures, columns=names), out / FAILURES)
    versions = {"versions": {package: version(package) for package in PACKAGES}}
    write_json({**about, **_counts(found), **versions}, out / SETTINGS)
    rows = []
    for medium, folder, one in zip(media.to_dict("records"), folders, found, strict=True):
        for face in one.faces:
            mask = str(folder / face["mask"]) if "mask" in face else ""  # never the medium's
            rows.append(medium | face | {"path": str(folder / face["file"]), "mask": mask})
    if not rows:
        (out / MANIFEST).unlink(missing_ok=True)
        raise MediaError(
            f"not one of {len(media)} media gave a face. The first: {failures[0][0]} "
            f"{failures[0][2]}. {failures[0][3]}. All of them are in {FAILURES}",
            path=out,
        )
    crops = check_manifest(pd.DataFrame(rows, columns=COLUMNS))
    if isinstance(sampling, PaperSampling):
        crops = choose_faces(crops, sampling)
    return _write_manifest(crops, out)


def _write_manifest(crops: pd.DataFrame, out: Path) -> pd.DataFrame:
    write_manifest(crops, out / MANIFEST)
    crops.attrs["file"] = str(out / MANIFEST)
    return crops


def _counts(found: Sequence[Extraction]) -> dict[str, int]:
    return {
        "media": len(found),
        "failures": sum(not one.faces for one in found),
        "partial": sum(one.status == Status.PARTIAL for one in found),
        "frames_read": sum(one.read for one in found),
        "frames_with_face": sum(one.with_face for one in found),
        "lost_packets": sum(one.lost for one in found),
    }


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
    """
    table = check_manifest(manifest)
    if not is_crops(table):
        remedy = "Cut their faces with prepare."
        raise ManifestError("lists media", remedy=remedy, path=source_of(manifest))
    out = Path(out).absolute()
    write_json({"crop": crop.to_dict(), "adopted": True}, out / SETTINGS)
    return _write_manifest(table, out)
