"""A page and a picture for each file of a scan, and an index that leads to the pages."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from telltrace.faces.media import MediaError
from telltrace.inference import Scanner, Verdict
from telltrace.inference.pictures import picture_name, save_picture
from telltrace.pools import processors, run_jobs

Numbered = tuple[int, dict[str, Any]]
"""Position of a file, and its verdict as plain data."""


class PageWriter:
    """Writes what is to be looked at; in a process of its own, if many are to be written.

    ``build`` makes the scanner that gave the verdicts. The pages lie in a folder beside ``index``,
    which leads to them, and the most suspicious frame of each file, marked, in ``pictures``.
    """

    def __init__(
        self, build: Callable[[], Scanner], index: Path | None, pictures: Path | None
    ) -> None:
        self._build, self.index, self.pictures = build, index, pictures
        self._scanner: Scanner | None = None

    def begin(self) -> None:
        """Make the scanner."""
        self._scanner = self._build()

    def page(self, number: int, verdict: Verdict) -> Path | None:
        """Where the page about one of many files is written."""
        if self.index is None:
            return None
        folder = self.index.parent / f"{self.index.stem}_pages"
        return folder / picture_name(number, verdict, ".html")

    def __call__(self, job: Numbered) -> None:
        """Write the page and the picture of one file; of one that is gone there is none."""
        from telltrace.inference.page import write_page  # imports matplotlib

        number, values = job
        verdict, page = Verdict.from_dict(values), None
        assert self._scanner is not None
        try:
            if (page := self.page(number, verdict)) is not None:
                write_page(page, verdict, self._scanner)
            if self.pictures is not None and verdict.tracks:
                save_picture(verdict, self.pictures / picture_name(number, verdict, ".png"))
        except (MediaError, KeyError):  # KeyError: the file has changed and lacks a frame
            if page is not None:
                page.unlink(missing_ok=True)


def write_pages(
    writer: PageWriter, verdicts: Callable[[], Iterable[dict[str, Any]]], workers: int | None
) -> None:
    """Write all pages and pictures, in processes that a damaged file may crash; then the index.

    ``verdicts`` gives the verdicts as plain data, in the order of the files. Without ``workers``
    there is a process for each processor.
    """
    from telltrace.inference.page import write_index

    count = processors() if workers is None else workers
    with closing(run_jobs(writer, enumerate(verdicts()), count, begin=writer.begin)) as jobs:
        for _ in jobs:
            pass
    if writer.index is not None:
        write_index(writer.index, _rows(writer, verdicts()))


def _rows(
    writer: PageWriter, verdicts: Iterable[dict[str, Any]]
) -> Iterator[tuple[Verdict, Path | None]]:
    for number, values in enumerate(verdicts):
        verdict = Verdict.from_dict(values)
        page = writer.page(number, verdict)
        yield verdict, page if page is not None and page.exists() else None
