"""`telltrace scan`: media in, verdicts out."""

from pathlib import Path

from telltrace.cli.options import Device, SampleMode
from telltrace.cli.progress import progress


def scan(
    media: list[Path],
    *,
    checkpoint: Path | None = None,
    frames: float = 32,
    sample: SampleMode = "spread",
    min_face: float = 40,
    batch_size: int = 16,
    device: Device = "auto",
    pictures: Path | None = None,
    json: bool = False,
) -> int:
    """Judge pictures and videos: is a face in them forged?

    Exit code 0 when at least one file got a verdict, 1 when nothing could be judged.

    Args:
        media: Pictures, videos, or folders of them.
        checkpoint: Detector to use; by default the one in the package.
        frames: How much of a video to look at; see --sample.
        sample: "spread" looks at FRAMES frames evenly over the whole video, "every" at every
            FRAMES-th, "fps" at FRAMES each second, "all" at all of them.
        min_face: Faces smaller than this, in pixels, get no score.
        batch_size: Frames in memory at a time.
        device: Where to compute.
        pictures: Folder to write one picture per file to: its most suspicious frame, marked.
        json: Print JSON instead of a table.
    """
    from telltrace.checkpoint import load_checkpoint
    from telltrace.faces.detect import create_face_detector
    from telltrace.faces.media import Sampling
    from telltrace.inference import Scanner, choose_device, find_media, listing

    files = find_media(media)
    where = choose_device(device)
    scanner = Scanner(
        load_checkpoint(checkpoint, where),
        create_face_detector(device=where),
        sampling=Sampling(sample, frames),
        batch_size=batch_size,
        min_face=min_face,
    )
    with progress("Scanning", len(files), "files") as advance:
        verdicts = []
        for path in files:
            verdicts.append(scanner.scan(path))
            advance(1)
    if pictures is not None:
        listing.draw(verdicts, pictures)
    print(listing.to_json(verdicts, scanner) if json else listing.to_text(verdicts, scanner))
    return 0 if any(verdict.verdict for verdict in verdicts) else 1
