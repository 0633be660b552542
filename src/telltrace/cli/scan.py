"""`telltrace scan`: media in, verdicts out."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from telltrace.cli.options import Device
from telltrace.progress import progress

if TYPE_CHECKING:
    from telltrace.inference import ScanPlan


def scan(
    media: list[Path],
    *,
    checkpoint: list[Path] = [],  # noqa: B006  never changed; the parser reads it
    sample: Literal["adaptive", "spread", "every", "fps", "all"] = "adaptive",
    frames: float = 36,
    strict: bool = False,
    min_face: float = 40,
    search_every: int = 4,
    time_limit: float | None = None,
    batch_size: int = 16,
    device: Device = "auto",
    threads: int | None = None,
    precision: Literal["float32", "bfloat16"] = "float32",
    format: Literal["text", "json", "jsonl", "csv"] = "text",
    json: bool = False,
    report: Path | None = None,
    pictures: Path | None = None,
    out: Path | None = None,
    workers: int | None = None,
    engine: Literal["process", "ray"] = "process",
    retry: bool = False,
) -> int:
    """Judge pictures and videos: is a face in them forged?

    With --out any number of files is judged in parallel, and nothing that one of them does stops
    the others; killed and called again, it goes on where it was. See docs/guides/scale.md.

    Exit code 0 when at least one file got a verdict, 1 when nothing could be judged.

    Args:
        media: Pictures, videos, or folders of them. With --out also patterns ("clips/**/*.mp4"),
            lists of files (.txt, .lst, .list, .nul), and "-" for a list on standard input.
        checkpoint: Detectors to use, of which the mean counts; by default the one in the package.
        sample: "adaptive" looks at a third of FRAMES (at least 12), then closely at suspicious
            moments and where a forged stretch begins or ends. "spread" looks at FRAMES frames
            evenly over the whole video, "every" at every FRAMES-th, "fps" at FRAMES each second,
            "all" at all of them.
        frames: How much of a video to look at; see --sample.
        strict: Call less fake: of a hundred real videos, one may be called so and not five.
        min_face: Faces smaller than this, in pixels, get no score.
        search_every: Search one of so many frames for faces and follow them in between; 1 searches
            them all, as `prepare` does.
        time_limit: Seconds after which a file is given up; with --out by default 300.
        batch_size: Frames in memory at a time.
        device: Where to compute.
        threads: Processor threads; by default as many as there are. With --out each worker has one.
        precision: What the detector of forgeries computes in.
        format: How to print the outcome.
        json: Short for --format json.
        report: HTML page to write about a single file: timeline, faces, evidence. The same file and
            the same settings give the same page, byte for byte.
        pictures: Folder to write one picture per file to: its most suspicious frame, marked.
        out: Folder for verdicts.jsonl, verdicts.csv and summary.json.
        workers: With --out: processes; by default one for each processor.
        engine: With --out: "process" works on this machine, "ray" on a Ray cluster.
        retry: With --out: judge files again that an earlier run lost to a crash, the time limit or
            an error.
    """
    from telltrace.inference import ScanPlan, ScanSettings, choose_device, find_media
    from telltrace.inference.listing import listing
    from telltrace.inference.page import write_report
    from telltrace.inference.pictures import draw

    settings = ScanSettings(
        sample=sample,
        frames=frames,
        strict=strict,
        min_face=min_face,
        search_every=search_every,
        batch_size=batch_size,
        precision=precision,
        time_limit=time_limit,
    )
    plan = ScanPlan(tuple(checkpoint), choose_device(device), threads, settings)
    if out is not None:
        printed = json or format != "text" or report is not None or pictures is not None
        if printed or threads is not None:
            raise ValueError(
                "--out is not for --threads, --format, --json, --report or --pictures. Leave them "
                "out, or scan single files, without --out."
            )
        gpus = device != "cpu"
        return _scan_many(media, plan, out, workers=workers, engine=engine, retry=retry, gpus=gpus)
    if workers is not None or engine != "process" or retry:
        raise ValueError("--workers, --engine and --retry need --out, a folder for the results.")
    files = find_media(media)
    if report is not None and len(files) != 1:
        raise ValueError(f"--report is about one file, got {len(files)}. Name a single file.")
    scanner = plan.scanner()
    verdicts = []
    with progress("Scanning", len(files), "files") as advance:
        for path in files:
            verdicts.append(scanner.scan(path))
            advance(1)
    if pictures is not None:
        draw(verdicts, pictures)
    if report is not None:
        write_report(report, verdicts[0], scanner)
    print(listing(verdicts, scanner, "json" if json else format))
    return 0 if any(verdict.verdict for verdict in verdicts) else 1


def _scan_many(
    media: list[Path],
    plan: "ScanPlan",
    out: Path,
    *,
    workers: int | None,
    engine: Literal["process", "ray"],
    retry: bool,
    gpus: bool,
) -> int:
    """Judge them in parallel, and say in one line what was found."""
    from telltrace.inference.many import scan_by_plan

    sources = [str(source) for source in media]
    done = scan_by_plan(sources, out, plan, workers=workers, engine=engine, retry=retry, gpus=gpus)
    print(done)
    return 0 if done.summary["verdicts"] else 1
