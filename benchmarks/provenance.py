"""What does reading provenance cost, and how often is a second JPEG compression found or imagined?

Pictures and videos are made here; --media takes frames of videos in their place, made smaller so
that no trace of their own compression is left.

    python benchmarks/provenance.py
    python benchmarks/provenance.py --media FOLDER_OF_VIDEOS --videos a.mp4 b.mp4
"""

import argparse
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from metadata_material import exif, jpeg, landscape, signed_media, write_video, xmp
from numpy.typing import NDArray
from PIL import Image
from results import write

from telltrace.evidence.jpeg import TWICE, earlier_compression, scaled_table
from telltrace.evidence.provenance import read_provenance
from telltrace.faces.media import Sampling
from telltrace.faces.reader import open_media
from telltrace.inference import find_paths

ONCE = (60, 70, 75, 80, 85, 90, 95)
TWICE_AT = (
    (50, 75),
    (60, 80),
    (60, 90),
    (70, 85),
    (75, 95),
    (85, 95),
    (95, 75),
    (90, 70),
    (85, 85),
)


def main() -> int:
    """Measure, print, and keep the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--media", type=Path)
    parser.add_argument("--videos", type=Path, nargs="*", default=[], help="whose cost to measure")
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=20)
    args = parser.parse_args()
    size = (384, 512)
    pictures = [landscape(1000 + seed, size) for seed in range(args.pictures)]
    if args.media:
        pictures = frames(args.media, args.pictures)
    tables = {
        "Reading provenance": costs(args.repeats, args.videos),
        "Once compressed, called compressed twice": rates(pictures, [(None, q) for q in ONCE]),
        "Twice compressed, found": rates(pictures, list(TWICE_AT)),
    }
    write("provenance", tables, pictures=len(pictures), threshold=TWICE)
    return 0


def frames(folder: Path, count: int) -> list[NDArray[np.uint8]]:
    """Two frames of each video, at 0.6 of their size."""
    found = []
    for path in list(find_paths([str(folder)]))[: count // 2]:
        for frame in open_media(path, Sampling("spread", 2)):
            height, width = (int(0.6 * side) for side in frame.image.shape[:2])
            small = Image.fromarray(frame.image).resize((width, height), Image.Resampling.LANCZOS)
            found.append(np.asarray(small))
    return found


def costs(repeats: int, videos: list[Path]) -> list[dict[str, object]]:
    """Milliseconds of one file, after it was read once: on the clock and of the processor."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        block = exif(Make="Acme", Model="C1", Software="fw 1", DateTime="2024:01:02 03:04:05")
        more = {"exif": block, "xmp": xmp()}
        for height, width in ((900, 1200), (1080, 1920), (3000, 4000)):
            path = folder / f"{width} x {height}.jpg"
            path.write_bytes(jpeg(landscape(1, (height, width)), 90, **more))
            rows.append(cost(path, repeats))
        path = folder / "1200 x 900.png"
        Image.fromarray(landscape(1, (900, 1200))).save(path, exif=block, compress_level=1)
        rows += [cost(path, repeats), cost(write_video(folder / "12 frames.mp4"), repeats)]
        photograph = (folder / "1200 x 900.jpg").read_bytes()
        for kind, data in signed_media(folder, [("jpg", photograph)]):
            (folder / f"1200 x 900, signed.{kind}").write_bytes(data)
            rows.append(cost(folder / f"1200 x 900, signed.{kind}", repeats))
        rows += [cost(video, repeats) for video in videos]
    return rows


def cost(path: Path, repeats: int) -> dict[str, object]:
    """Medians and ranges of one file."""
    row: dict[str, object] = {"file": path.name, "MB": round(path.stat().st_size / 1e6, 2)}
    for name, clock in (("ms", time.perf_counter), ("processor ms", time.process_time)):
        spent = [timed(lambda: read_provenance(path), clock) for _ in range(repeats + 1)][1:]
        row[name] = round(statistics.median(spent), 2)
        row[f"{name}, range"] = f"{min(spent):.2f} to {max(spent):.2f}"
    return row


def timed(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """Milliseconds."""
    started = clock()
    work()
    return 1000 * (clock() - started)


def rates(
    pictures: list[NDArray[np.uint8]], pairs: list[tuple[int | None, int]]
) -> list[dict[str, object]]:
    """How many pictures are called compressed twice, of each pair of qualities."""
    rows = []
    for first, second in pairs:
        gains = [gain(picture, first, second) for picture in pictures]
        called = sum(one >= TWICE for one in gains)
        name = f"quality {second}" if first is None else f"quality {first}, then {second}"
        row = {"compressed at": name, "called": f"{called} of {len(gains)}"}
        rows.append({**row, "median gain": round(float(np.median(gains)), 4)})
    return rows


def gain(picture: NDArray[np.uint8], first: int | None, second: int) -> float:
    """That of one picture."""
    if first is not None:
        picture = np.asarray(Image.open(io.BytesIO(jpeg(picture, first))))
    brightness = np.asarray(Image.open(io.BytesIO(jpeg(picture, second))).convert("L"))
    return earlier_compression(brightness, scaled_table(second))[0]


if __name__ == "__main__":
    raise SystemExit(main())
