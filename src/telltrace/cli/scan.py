"""`telltrace scan` and `explain`: media in, verdicts out, and what they rest on."""

import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from telltrace.cli.show import Method
from telltrace.errors import MediaError, OptionError, printable
from telltrace.files import check_folder, check_output, write_json
from telltrace.jobs.progress import progress

if TYPE_CHECKING:
    from telltrace.inference import Scanner, Verdict


def scan(
    media: list[Path],
    *,
    checkpoint: list[Path] = [],  # noqa: B006  never changed; the parser reads it
    device: Literal["auto", "cpu", "cuda"] = "auto",
    threads: int | None = None,
    format: Literal["text", "json", "jsonl", "csv"] = "text",
    json: bool = False,
    report: Path | None = None,
    pictures: Path | None = None,
    clip: Path | None = None,
    seal: Path | None = None,
    fiftyone: Path | None = None,
    out: Path | None = None,
    **options: Any,
) -> int:
    """Judge pictures and videos: is a face in them forged?

    With --out any number of files is judged in parallel, and nothing that one of them does stops
    the others: a file is given up after 300 seconds, or --time-limit. If it is interrupted, the
    same command resumes. --workers, --engine and --retry are for --out alone. See
    docs/guides/scale.md.

    Exit code 0 when at least one file got a verdict, 1 when nothing could be judged.

    Args:
        media: Pictures, videos, folders of them, patterns ("clips/**/*.mp4"), lists of files
            (.txt, .lst, .list, .nul), and "-" for a list on standard input.
        checkpoint: Detectors to use; several are averaged. By default the one in the package.
        device: Where to compute.
        threads: Processor threads; by default one for each processor. Not with --out.
        format: How to print the outcome.
        json: Short for --format json.
        report: HTML page to write: timeline, faces, evidence. Of several files it is an index that
            leads to a page a file, in a folder beside it. The same file and the same settings
            give the same page, byte for byte. Of one file it may be a PDF.
        pictures: Folder to write one picture per file to: its most suspicious frame, marked.
        clip: Folder to write ten seconds of each video to, faces boxed and where the detector sees
            a paste drawn in (MP4); not with --out.
        seal: JSON file for a sealed report on one file: hashes of the file, of each judged frame,
            of the detectors and of all that is said. `telltrace verify` compares them.
        fiftyone: Folder to write the verdicts to as data sets that FiftyOne reads.
        out: Folder for verdicts.jsonl, verdicts.csv and summary.json.
        **options: Those of `ScanSettings` and `batch_scan`.
    """
    from telltrace.inference import Scanner, find_paths

    batch = {name: options.pop(name) for name in ("engine", "workers", "retry", "time_limit")}
    build = partial(Scanner, checkpoint or None, device=device, **options)
    sources, wanted = [str(x) for x in media], Outputs(report, pictures, clip, seal, fiftyone)
    if out is not None:
        if json or format != "text" or threads is not None or clip is not None or seal is not None:
            unfit = "--out is not for --threads, --format, --json, --clip or --seal"
            raise OptionError(unfit, remedy="Leave them out, or scan without --out.")
        wanted.check(0)
        return _scan_batch(sources, out, checkpoint, build, wanted, batch)
    if batch["workers"] is not None or batch["engine"] != "process" or batch["retry"]:
        raise OptionError("--workers, --engine and --retry need --out, a folder for results.")
    files = [Path(path) for path in find_paths(sources)]
    wanted.check(len(files))
    scanner = build(threads=threads, time_limit=batch["time_limit"])
    return _scan_files(files, scanner, "json" if json else format, wanted)


class Outputs(NamedTuple):
    """What a scan writes besides what it prints."""

    report: Path | None
    pictures: Path | None
    clip: Path | None
    seal: Path | None
    fiftyone: Path | None

    def check(self, files: int) -> None:
        """Refuse what cannot be written, and what is for one file alone, of so many."""
        if self.report is not None:
            check_output(self.report, ".html", ".htm", *([".pdf"] if files == 1 else []))
        if self.seal is not None:
            check_output(self.seal, ".json")
            if files != 1:
                remedy = "Give each its own --seal."
                raise OptionError(f"--seal is for one file, got {files}", remedy=remedy)
        for folder in filter(None, (self.pictures, self.clip, self.fiftyone)):
            check_folder(folder)


def _scan_batch(
    sources: list[str],
    out: Path,
    checkpoint: list[Path],
    build: "partial[Scanner]",
    wanted: Outputs,
    batch: dict[str, Any],
) -> int:
    """Judge any number of files in processes, and show how many were judged how."""
    from telltrace.batch import batch_scan
    from telltrace.batch.journal import read_results
    from telltrace.batch.pages import PageWriter, write_pages
    from telltrace.inference.fiftyone import write_fiftyone

    done = batch_scan(sources, out, checkpoint, **build.keywords, **batch)
    if wanted.report is not None or wanted.pictures is not None:
        pages = PageWriter(build, wanted.report, wanted.pictures)
        write_pages(pages, partial(read_results, out), batch["workers"])
    if wanted.fiftyone is not None:
        write_fiftyone(read_results(out), wanted.fiftyone)
    print(done)
    return 0 if done.summary["verdicts"] else 1


def _scan_files(
    files: list[Path],
    scanner: "Scanner",
    form: Literal["text", "json", "jsonl", "csv"],
    wanted: Outputs,
) -> int:
    """Judge them one after the other, and show what was found; what is ready, if interrupted."""
    from telltrace.batch.pages import PageWriter, write_pages
    from telltrace.inference.fiftyone import write_fiftyone
    from telltrace.inference.formats import format_verdicts

    verdicts, interrupted = _judge(files, scanner)
    if verdicts:
        print(format_verdicts(verdicts, scanner, form))
    if interrupted:
        sys.stderr.write(
            f"telltrace: interrupted, {len(verdicts)} of {len(files)} files are judged. A scan "
            "with --out FOLDER goes on where it stopped when the same command is given again.\n"
        )
        return 130
    plain = [verdict.to_dict() for verdict in verdicts]
    report, pictures, clip, seal, fiftyone = wanted
    sealed = None if seal is None else _seal(seal, verdicts[0], scanner)
    if report is not None and len(files) == 1:
        from telltrace.inference.page import write_page

        write_page(report, verdicts[0], scanner, sealed=sealed)
        report = None
    if report is not None or pictures is not None:
        write_pages(PageWriter(lambda: scanner, report, pictures), lambda: plain, workers=0)
    if fiftyone is not None:
        write_fiftyone(plain, fiftyone)
    if clip is not None:
        _write_clips(verdicts, scanner, clip)
    return 0 if any(verdict.verdict for verdict in verdicts) else 1


def _seal(path: Path, verdict: "Verdict", scanner: "Scanner") -> dict[str, Any]:
    """Write the sealed report, and tell its seal."""
    from telltrace.inference.custody import seal_scan

    sealed = seal_scan(verdict, scanner)
    write_json(sealed, path)
    sys.stderr.write(f"telltrace: {path} has the seal {sealed['seal']}\n")
    return sealed


def _judge(files: list[Path], scanner: "Scanner") -> "tuple[list[Verdict], bool]":
    """The verdicts on files, and whether somebody interrupted before the last."""
    verdicts: list[Verdict] = []
    try:
        with progress("Scanning", len(files), "files") as advance:

            def tell(name: str, read: int, expected: int) -> None:
                advance(0, note=f"{name}: frame {read} of about {expected}")

            for path in files:
                verdicts.append(scanner.scan(path, progress=partial(tell, path.name)))
                advance(1)
    except KeyboardInterrupt:
        return verdicts, True
    return verdicts, False


def _write_clips(verdicts: "list[Verdict]", scanner: "Scanner", folder: Path) -> None:
    """One of each video with a judged face; those that are ready stay, if interrupted.

    A video that is gone since it was judged is named, and gets none.
    """
    from telltrace.batch.pages import file_name
    from telltrace.inference.clip import write_clip

    with progress("Drawing clips", len(verdicts), "files") as advance:
        for number, verdict in enumerate(verdicts):

            def tell(name: str, done: int, expected: int) -> None:
                advance(0, note=f"{name}: frame {done} of about {expected}")

            path = folder / file_name(number, verdict, ".mp4")
            try:
                write_clip(verdict, scanner, path, partial(tell, verdict.path.name))
            except MediaError as error:
                sys.stderr.write(f"telltrace: no clip: {error}\n")
            advance(1)


def explain(
    media: list[Path],
    *,
    out: Path,
    method: Method | None = None,
    checkpoint: Path | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    threads: int | None = None,
    **options: Any,
) -> int:
    """Show where in each face a detector sees a forgery, which frames speak, and how sure that is.

    For each file OUT gets a folder: heat maps over cut faces and whole frames, their average of
    each person, and explanation.json with the regions of the face that hold the map, the frames
    without which the score would be another, and the grades of the method. See docs/explain.md.

    Exit code 0 when at least one file has a judged face, 1 when none has.

    Args:
        media: Pictures, videos, folders of them, patterns and lists, as of `telltrace scan`.
        out: Folder to write to.
        method: How a map is made; by default the method with the best grades for the detector.
        checkpoint: Detector to use; by default the one in the package.
        device: Where to compute.
        threads: Processor threads; by default one for each processor.
        **options: Those of `ScanSettings`.
    """
    from telltrace.inference import Scanner, find_paths

    check_folder(out)
    files = [Path(path) for path in find_paths([str(source) for source in media])]
    scanner = Scanner(checkpoint, device=device, threads=threads, **options)
    trust = _explain_files(files, scanner, out, method)
    if trust:
        print(trust)
    return 0 if trust else 1


def _explain_files(files: list[Path], scanner: "Scanner", out: Path, method: Method | None) -> str:
    """Explain each in a folder of its own; what the maps are worth, "" if none was drawn."""
    from telltrace.inference.explaining import explain_file

    trust = ""
    names: Counter[str] = Counter()
    with progress("Explaining", len(files), "files") as advance:
        for path in files:
            names[path.name] += 1
            count = names[path.name]
            folder = out / (path.name if count == 1 else f"{path.name}-{count}")
            try:
                story = explain_file(path, scanner, folder, method)
            except MediaError as error:
                sys.stderr.write(f"telltrace: {error}\n")
            else:
                _tell(story, path, folder)
                trust = f"{story['method']}: {story['trust']}" if story["people"] else trust
            advance(1)
    return trust


def _tell(story: dict[str, Any], path: Path, folder: Path) -> None:
    """Print what an explanation says of a file and of each person in it."""
    said = story["verdict"] or story["status"]
    print(f"{printable(path)}: {said}, {story['reason']} -> {printable(folder)}")
    for person in story["people"]:
        print(f"  person {person['person']} ({person['status']}): {person['where']}")
    if "no_clip" in story:
        sys.stderr.write(f"telltrace: no clip: {story['no_clip']}\n")
