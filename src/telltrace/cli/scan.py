"""`telltrace scan`: media in, verdicts out."""

from pathlib import Path
from typing import Literal

from telltrace.cli.options import Device
from telltrace.cli.progress import progress


def scan(
    media: list[Path],
    *,
    checkpoint: list[Path] = [],  # noqa: B006  never changed; the parser reads it
    sample: Literal["adaptive", "spread", "every", "fps", "all"] = "adaptive",
    frames: float = 36,
    rule: Literal["worst", "mean", "median", "max", "top"] = "worst",
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
) -> int:
    """Judge pictures and videos: is a face in them forged?

    Exit code 0 when at least one file got a verdict, 1 when nothing could be judged.

    Args:
        media: Pictures, videos, or folders of them.
        checkpoint: Detectors to use, of which the mean counts; by default the one in the package.
        sample: "adaptive" looks at a third of FRAMES, at the rest where these disagree, and at
            every frame where a forged stretch begins or ends. "spread" looks at FRAMES frames
            evenly over the whole video, "every" at every FRAMES-th, "fps" at FRAMES each second,
            "all" at all of them.
        frames: How much of a video to look at; see --sample.
        rule: How the scores of one person become one: "worst" takes the highest after smoothing
            over a second, "top" the mean of the highest fifth. A file gets the worst person's.
        min_face: Faces smaller than this, in pixels, get no score.
        search_every: Search one of so many frames for faces and follow them in between; 1 searches
            them all, as `prepare` does.
        time_limit: Seconds after which a file is given up.
        batch_size: Frames in memory at a time.
        device: Where to compute.
        threads: Processor threads; by default as many as there are.
        precision: What the detector of forgeries computes in.
        format: How to print the outcome.
        json: Short for --format json.
        report: HTML page to write about a single file: timeline, faces, evidence. The same file and
            the same settings give the same page, byte for byte.
        pictures: Folder to write one picture per file to: its most suspicious frame, marked.
    """
    from telltrace.inference import ScanPlan, ScanSettings, choose_device, find_media
    from telltrace.inference.listing import listing
    from telltrace.inference.page import write_report
    from telltrace.inference.pictures import draw

    files = find_media(media)
    if report is not None and len(files) != 1:
        raise ValueError(f"--report is about one file, got {len(files)}. Name a single file.")
    settings = ScanSettings(
        sample=sample,
        frames=frames,
        rule=rule,
        min_face=min_face,
        search_every=search_every,
        batch_size=batch_size,
        precision=precision,
        time_limit=time_limit,
    )
    plan = ScanPlan(tuple(checkpoint), choose_device(device), threads, settings)
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
