"""Judge any number of files in parallel: nothing that one of them does stops the others."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from telltrace import __version__
from telltrace.checkpoint import BUNDLED
from telltrace.files import file_sha256, json_sha256, write_json

from .answering import FileJudge, Parts, Scanner, Task, run_processes
from .apart import parts_of
from .journal import Answer, Journal
from .pace import Pace
from .results import SUMMARY, TABLE, VERDICTS, write_results
from .scanner import ScanPlan
from .sources import Listing, find_paths

SCHEMA: Final = "telltrace-many/1"
SETTINGS: Final = "scan.json"
PATHS: Final = "paths.nul"
JOURNAL: Final = "journal.jsonl"
TIME_LIMIT: Final = 300.0
"""Seconds of one file, where nothing else is said."""

Engine = Literal["process", "ray"]


@dataclass(frozen=True)
class Scanned:
    """What a scan of many did."""

    files: int
    reused: int
    """Files that an earlier run had judged."""
    seconds: float
    """This run's."""
    summary: dict[str, Any]
    """As in ``summary.json``."""

    def __str__(self) -> str:
        counts = ", ".join(f"{n:,} {status}" for status, n in self.summary["statuses"].items())
        fresh = self.files - self.reused
        return (
            f"{self.files:,} files ({self.reused:,} from an earlier run): {counts}; "
            f"{self.seconds:.1f} s, {fresh / max(self.seconds, 1e-9):.2f} files/s"
        )


def scan_many(
    sources: Sequence[str],
    out: str | Path,
    build: Callable[[], Scanner],
    settings: Mapping[str, Any],
    *,
    engine: Engine = "process",
    workers: int | None = None,
    time_limit: float = TIME_LIMIT,
    retry: bool = False,
    progress: bool = True,
    parts: Parts | None = None,
) -> Scanned:
    """Judge all files that the sources name, and write the verdicts to a folder.

    ``out`` then holds ``verdicts.jsonl`` and ``verdicts.csv`` in the order of the listing,
    ``summary.json``, and what a run that is killed goes on from: ``journal.jsonl``,
    ``paths.nul`` and ``scan.json``. The same call goes on where the last one stopped, however it
    ended; files that have come since are added at the end. A file whose decoder crashes or hangs
    gets the status ``UNREADABLE`` or ``TIMEOUT``. Memory does not grow with the number of files
    but for 8 bytes each.

    Args:
        sources: What `find_paths` takes.
        out: Folder to write; not searched for files.
        build: Makes a scanner; called once in each worker, so it must be possible to pickle it.
        settings: What the verdicts depend on, as plain data; a folder of other settings is refused.
        engine: "process" on this machine, "ray" on the cluster that Ray finds, or makes.
        workers: Processes; by default one for each processor, of this machine or of the cluster.
        time_limit: Seconds of one file after which its worker is killed.
        retry: Judge files again that an earlier run lost to a crash, the time limit or an error.
        progress: Tell on standard error how far it is.
        parts: The same scanner in two parts; a cluster that has GPUs holds the models there.

    Raises:
        ValueError: If a source names nothing, ``out`` holds another scan, or another process is
            writing there.
        OSError: If the disk does not take the results.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}.")
    started, out, run = time.perf_counter(), Path(out), _engine(engine)
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out):
        asked = json.loads(json.dumps({"telltrace": __version__, **settings}))
        files, about = _take_down(sources, out, asked)
        with closing(Journal(out / JOURNAL, files, retry)) as journal:
            reused = journal.done
            if reused < files:
                _forget_results(out)
                paths = enumerate(Listing(out / PATHS))
                orders = ((i, path) for i, path in paths if i not in journal)
                judge, most = FileJudge(build), files - reused
                answers = run(Task(judge, orders, most, workers, time_limit, parts))
                _keep(answers, journal, Pace(files, reused, progress))
            summary = write_results(journal, about, out)
    return Scanned(files, reused, time.perf_counter() - started, summary)


def _take_down(
    sources: Sequence[str], out: Path, asked: dict[str, Any]
) -> tuple[int, dict[str, Any]]:
    """Write down which files there are and what is asked; their number, and what is asked."""
    known = _check_settings(out, asked)
    files, found = Listing(out / PATHS).update(lambda: find_paths(sources, out), known)
    about = {"schema": SCHEMA, "hash": json_sha256(asked), "settings": asked}
    write_json({**about, "found": found}, out / SETTINGS)
    return files, about


def _keep(answers: Generator[Answer, None, None], journal: Journal, pace: Pace) -> None:
    with closing(answers), closing(pace):
        for answer in answers:
            journal.add(answer)
            pace.step(answer)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep other scans out of a folder; the system lets them in again when this process ends."""
    handle = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise ValueError(
            f"{out}: another scan is writing here. Wait for it, or choose another --out."
        ) from None
    else:
        yield
    finally:
        os.close(handle)


def _engine(name: Engine) -> Callable[[Task], Generator[Answer, None, None]]:
    if name == "process":
        return run_processes
    if name != "ray":
        raise ValueError(f'engine must be "process" or "ray", got {name!r}.')
    from .ray_engine import run_ray

    return run_ray


def scan_by_plan(
    sources: Sequence[str],
    out: Path,
    plan: ScanPlan,
    *,
    workers: int | None = None,
    engine: Engine = "process",
    retry: bool = False,
    progress: bool = True,
    gpus: bool = True,
) -> Scanned:
    """`scan_many` with the scanner of a plan, as the command line calls it.

    The plan's time limit is that after which a worker is killed, and no part of the settings: a
    later call with ``retry`` may give more. ``gpus`` lets the GPUs of a Ray cluster hold the
    detectors of forgeries; scores of a GPU differ from those of a processor in the last digits.

    Raises:
        ValueError: As `scan_many`, or if a checkpoint cannot be read.
    """
    limit = plan.settings.time_limit or TIME_LIMIT
    plan = replace(plan, settings=replace(plan.settings, time_limit=None))
    digests = [_digest(path) for path in plan.checkpoints or (BUNDLED,)]
    return scan_many(
        *(sources, out, plan.scanner, {**plan.settings.to_dict(), "detectors": digests}),
        engine=engine,
        workers=workers,
        time_limit=limit,
        retry=retry,
        progress=progress,
        parts=parts_of(plan) if gpus else None,
    )


def _digest(checkpoint: Path) -> str:
    """SHA-256 of a file, which must be there; whether it is a checkpoint shows when it is read."""
    if not checkpoint.is_file():
        raise ValueError(f"{checkpoint}: no such file. Give the path of a .safetensors checkpoint.")
    return file_sha256(checkpoint)


def _check_settings(out: Path, asked: dict[str, Any]) -> str:
    """Refuse a folder of other settings; the digest of the files that were there last time."""
    file = out / SETTINGS
    if not file.exists():
        if (out / JOURNAL).exists():
            raise ValueError(f"{out}: holds a journal but no {SETTINGS}. Choose another --out.")
        return ""
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
        settings, found = dict(before["settings"]), str(before["found"])
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{file}: is not of this version. Choose another --out.") from None
    if before.get("hash") == json_sha256(asked):
        return found
    other = [k for k in sorted({*settings, *asked}) if settings.get(k) != asked.get(k)]
    told = "; ".join(f"{k} was {settings.get(k)!r}, is {asked.get(k)!r}" for k in other)
    raise ValueError(
        f"{out}: holds a scan with other settings ({told}). Repeat its settings to go on with it, "
        "or choose another --out."
    )


def _forget_results(out: Path) -> None:
    """Results that are about to be replaced must not pass for those of all files."""
    for name in (SUMMARY, TABLE, VERDICTS):
        (out / name).unlink(missing_ok=True)
