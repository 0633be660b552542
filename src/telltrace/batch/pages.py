"""A page and a picture for each file of a scan, and an index that leads to the pages."""

import os
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from telltrace.faces.media import MediaError
from telltrace.inference import Scanner, Verdict
from telltrace.inference.pictures import save_picture
from telltrace.jobs.pool import run_jobs
from telltrace.jobs.threads import processors


@dataclass
class PageWriter:
    """Writes what is to be looked at; in a process of its own, if many are to be written.

    ``build`` makes the scanner that gave the verdicts. The pages lie in a folder beside ``index``,
    which leads to them, and the most suspicious frame of each file, marked, in ``pictures``.
    """

    build: Callable[[], Scanner]
    index: Path | None
    pictures: Path | None
    scanner: Scanner | None = None

    def begin(self) -> None:
        """Make the scanner."""
        self.scanner = self.build()

    def __call__(self, job: tuple[int, dict[str, Any]]) -> None:
        """Write page and picture of a file, by its number; of one that is gone there is none."""
        from telltrace.inference.page import write_page  # imports matplotlib

        number, verdict = job[0], Verdict.from_dict(job[1])
        page = self.index and _page(self.index, number, verdict)
        assert self.scanner is not None
        try:
            if page:
                write_page(page, verdict, self.scanner)
            if self.pictures and verdict.tracks:
                save_picture(verdict, self.pictures / file_name(number, verdict, ".png"))
        except (MediaError, KeyError):  # KeyError: the file has changed and lacks a frame
            if page:
                page.unlink(missing_ok=True)


def file_name(number: int, verdict: Verdict, suffix: str) -> str:
    """A file name for what is written of one of many files: text, and short enough."""
    stem = os.fsencode(verdict.path.stem)[:200].decode(errors="ignore")
    return f"{number:04d}_{stem}{suffix}"


def _page(index: Path, number: int, verdict: Verdict) -> Path:
    """Where the page about one of many files is written."""
    return index.parent / f"{index.stem}_pages" / file_name(number, verdict, ".html")


def write_pages(
    writer: PageWriter, verdicts: Callable[[], Iterable[dict[str, Any]]], workers: int | None
) -> None:
    """Write all pages and pictures, in processes that a damaged file may crash; then the index."""
    from telltrace.inference.page import write_index

    count = processors() if workers is None else workers
    with closing(run_jobs(writer, enumerate(verdicts()), count, begin=writer.begin)) as jobs:
        for _ in jobs:
            pass
    if writer.index is not None:
        index, judged = writer.index, enumerate(map(Verdict.from_dict, verdicts()))
        write_index(index, ((one, _page(index, number, one)) for number, one in judged))
