"""The batch scan: nothing that one file does stops the others, and a killed scan goes on."""

import fcntl
import json
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from telltrace.backends import choose_device
from telltrace.checkpoint import BUNDLED, read_card, resolve_backend
from telltrace.errors import OptionError, OutputError, check_positive
from telltrace.faces.detect import create_face_detector
from telltrace.files import check_folder, file_sha256, json_sha256, write_json
from telltrace.files.version import VERSION
from telltrace.inference import Scanner, ScanSettings, find_paths
from telltrace.inference.formats import SCHEMA
from telltrace.jobs.progress import progress

from .journal import SUMMARY, TABLE, VERDICTS, Answer, Journal, Listing, write_results
from .worker import ScanWorker, SplitScanner, Task, run_processes, split_scanner

SETTINGS: Final = "scan.json"
PATHS: Final = "paths.nul"
JOURNAL: Final = "journal.jsonl"
TIME_LIMIT: Final = 300.0
"""Seconds of one file, where nothing else is said."""

Engine = Literal["process", "ray"]


@dataclass(frozen=True)
class BatchResult:
    """What a batch scan did."""

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


def batch_scan(
    sources: Sequence[str],
    out: str | Path,
    detector: Sequence[Path] = (),
    *,
    device: str = "auto",
    engine: Engine = "process",
    workers: int | None = None,
    time_limit: float | None = None,
    retry: bool = False,
    **settings: Any,
) -> BatchResult:
    """Judge all files that the sources name, and write the verdicts to a folder like `run_batch`.

    Args:
        sources: What `find_paths` takes.
        out: See `run_batch`.
        detector: Checkpoints, of which the mean counts; by default the one in the package. One that
            cannot be read is a TelltraceError.
        device: Where to compute. Unless it is "cpu", the GPUs of a Ray cluster hold the detectors;
            scores of a GPU differ from those of a processor in the last digits.
        engine: "process" on this machine, "ray" on the cluster that Ray finds, or makes.
        workers: Processes; by default one for each processor, of this machine or of the cluster.
        time_limit: Seconds of one file; no part of what the verdicts depend on, so that a later
            call with ``retry`` may give more. None for `TIME_LIMIT`.
        retry: Judge files again that an earlier run lost to a crash, the time limit or an error.
        settings: Those of `ScanSettings`.
    """
    checked = ScanSettings(**settings, time_limit=time_limit)
    paths, asked = prepare_scanner(detector, device, checked)
    hashes = [file_sha256(path) for path in paths]
    return run_batch(
        sources,
        out,
        partial(Scanner, paths, device=device, **asked),
        {**asked, "time_limit": None, "detectors": hashes},
        engine=engine,
        workers=workers,
        time_limit=time_limit or TIME_LIMIT,
        retry=retry,
        split=None if device == "cpu" else split_scanner(paths, asked),
    )


def prepare_scanner(
    detector: Sequence[Path], device: str, settings: ScanSettings
) -> tuple[list[Path], dict[str, Any]]:
    """Checkpoints, and settings without a time limit, that each process makes its scanner of.

    What several processes would each prepare is prepared here, once. A checkpoint that cannot be
    read is a TelltraceError.
    """
    asked = {name: value for name, value in asdict(settings).items() if name != "time_limit"}
    paths = list(detector) or [BUNDLED]
    for path in paths:
        read_card(path)
    where, computed = (
        choose_device(device, settings.backend),
        (settings.precision, settings.backend),
    )
    backends = {resolve_backend(path, where, *computed) for path in paths}
    asked["backend"] = chosen = backends.pop() if len(backends) == 1 else "auto"
    create_face_detector("cpu", chosen)  # prepares its graphs
    return paths, asked


def run_batch(
    sources: Sequence[str],
    out: str | Path,
    build: Callable[[], Any],
    settings: Mapping[str, Any],
    *,
    engine: Engine = "process",
    workers: int | None = None,
    time_limit: float = TIME_LIMIT,
    retry: bool = False,
    split: SplitScanner | None = None,
) -> BatchResult:
    """Judge all files that the sources name with any scanner; other options as `batch_scan`.

    ``out`` then holds ``verdicts.jsonl`` and ``verdicts.csv`` in the order of the listing,
    ``summary.json``, and what the same call goes on from, however the last one ended:
    ``journal.jsonl``, ``paths.nul`` and ``scan.json``. Files that have come since are added at the
    end. A file whose decoder crashes or hangs is ``UNREADABLE`` or ``TIMEOUT``.

    ``build`` makes a scanner, once in each worker, so it must be possible to pickle it; ``split``
    is the same in two parts, of which a cluster that has GPUs holds the models there. ``settings``
    is what the verdicts depend on, as plain data. A source that names nothing, a folder of other
    settings or in use by another process, and a disk without room are a TelltraceError.
    """
    check_positive(workers=workers)
    started, out, run = time.perf_counter(), Path(out), run_processes
    if engine == "ray":
        from .ray_engine import run_ray as run
    elif engine != "process":
        raise OptionError(f'engine must be "process" or "ray", got {engine!r}.')
    with _locked(out):
        asked = json.loads(json.dumps({"telltrace": VERSION, **settings}))
        known = _check_settings(out, asked)
        files, found = Listing(out / PATHS).update(lambda: find_paths(sources, out), known)
        about = {"schema": SCHEMA, "hash": json_sha256(asked), "settings": asked}
        write_json({**about, "found": found}, out / SETTINGS)
        with closing(Journal(out / JOURNAL, files, retry)) as journal:
            reused = journal.done
            if reused < files:
                for name in (SUMMARY, TABLE, VERDICTS):  # must not pass for those of all files
                    (out / name).unlink(missing_ok=True)
                paths = enumerate(Listing(out / PATHS))
                orders = ((i, path) for i, path in paths if i not in journal)
                worker = ScanWorker(build, preloads(settings))
                task = Task(worker, orders, files - reused, workers, time_limit, split)
                _keep(run(task), journal, files)
            summary = write_results(journal, about, out)
    return BatchResult(files, reused, time.perf_counter() - started, summary)


def preloads(settings: Mapping[str, Any]) -> Sequence[str]:
    """What a `ScanWorker` imports once for all processes."""
    return ("torch", "timm") if settings.get("backend") == "torch" else ()


def _keep(answers: Generator[Answer, None, None], journal: Journal, files: int) -> None:
    lost = 0
    with closing(answers), progress("Scanning", files, "files", done=journal.done) as advance:
        for answer in answers:
            journal.add(answer)
            lost += bool(answer.lost)
            advance(1, note=f"{lost:,} lost to crashes or time" if lost else "")


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Make a folder and keep other scans out; when this process ends, the system lets them in."""
    check_folder(out)
    out.mkdir(parents=True, exist_ok=True)
    handle = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        remedy = "Wait for it, or choose another --out."
        raise OutputError("another scan is writing here", remedy=remedy, path=out) from None
    else:
        yield
    finally:
        os.close(handle)


def _check_settings(out: Path, asked: dict[str, Any]) -> str:
    """Refuse a folder of other settings; the digest of the files that were there last time."""
    file, other_out = out / SETTINGS, "Choose another --out."
    if not file.exists():
        if (out / JOURNAL).exists():
            raise OutputError(f"holds a journal but no {SETTINGS}", remedy=other_out, path=out)
        return ""
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
        settings, found = dict(before["settings"]), str(before["found"])
    except (ValueError, KeyError, TypeError):
        raise OutputError("is not of this version", remedy=other_out, path=file) from None
    different = [k for k in sorted({*settings, *asked}) if settings.get(k) != asked.get(k)]
    if not different:
        return found
    said = "; ".join(f"{k} was {settings.get(k)!r}, is {asked.get(k)!r}" for k in different)
    remedy = "Repeat its settings to go on with it, or choose another --out."
    raise OutputError(f"holds a scan with other settings ({said})", remedy=remedy, path=out)
