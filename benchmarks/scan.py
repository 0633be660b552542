"""How long does it take to judge a video of 720p, of 10 s and of 60 s, and where does the time go?

The clips are composed here, always the same: one and two people, with --media those of the first
videos found there, without it scikit-image's astronaut. 300 frames of 1280 x 720 at 30 a second,
encoded by x264, and for 60 s six times in a row. Judged with the detector in the package, after one
scan that is not counted, with 32 fixed frames and with the adaptive default. With --others, on the
same 32 frames, what is common elsewhere finds faces: dlib's HOG detector at full resolution if dlib
is installed, and OpenCV's Haar cascade.

Each figure is the median of the repetitions with the range from the quickest to the slowest, and
the processor time of all threads, which says more where the machine is shared. "read" is the time
that the networks wait for frames, which a thread decodes ahead of them.

    python benchmarks/scan.py --media DATA/FaceForensics++/original_sequences
"""

import argparse
import importlib
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from results import write
from skimage.data import astronaut

from telltrace.faces.media import Sampling
from telltrace.faces.reader import open_media
from telltrace.inference import Scanner, find_paths

Pixels = NDArray[np.uint8]
WIDTH, HEIGHT, FRAMES, RATE = 1280, 720, 300, 30
BARS = {10: 0.8, 60: 1.6}
"""Seconds that a clip of so many may take at the default settings."""


def windows(media: Path | None, people: int) -> list[list[Pixels]]:
    """For each person 300 pictures of 640 x 720 and more."""
    if media is None:
        high = np.asarray(cv2.resize(astronaut(), (900, 900), interpolation=cv2.INTER_CUBIC))
        moves = [round(60 * np.sin(index / 20)) for index in range(FRAMES)]
        return [[high[20:740, 130 + m : 770 + m] for m in moves]] * people
    shown = []
    for path in [*find_paths([str(media)])][:people]:
        frames = [f.image for f in open_media(path, Sampling("all")) if f.index < FRAMES]
        shown.append([fit(frames[index % len(frames)]) for index in range(FRAMES)])
    return shown


def fit(image: Pixels) -> Pixels:
    """The middle of a picture, as high as the clip."""
    scale = HEIGHT / image.shape[0]
    size = max(640, round(image.shape[1] * scale)), HEIGHT
    image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    left = (image.shape[1] - 640) // 2
    return image[:, left : left + 640]


def compose(shown: list[list[Pixels]], index: int) -> Pixels:
    """One frame: the people side by side, the sides of a single one drawn out."""
    picture = np.concatenate([pictures[index] for pictures in shown], axis=1)
    side = (WIDTH - picture.shape[1]) // 2
    return np.pad(picture, ((0, 0), (side, side), (0, 0)), mode="edge")


@contextmanager
def kept_folder(folder: Path | None) -> Iterator[Path]:
    """A folder for clips, which is removed unless it is one that was asked for."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def write_clip(folder: Path, media: Path | None, people: int, seconds: int = 10) -> Path:
    """Ten seconds of one person or of two, as often as it takes; one that is there is taken."""
    path = folder / f"{people}_{seconds}.mp4"
    if path.exists():
        return path
    shown = windows(media, people)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=RATE, options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.thread_count = 1  # the same bytes each time
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(compose(shown, index), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    if seconds > FRAMES // RATE:
        repeat(path, seconds * RATE // FRAMES)
    return path


def repeat(path: Path, times: int) -> None:
    """Make a clip so many times as long, without encoding it again."""
    once = path.rename(path.with_suffix(".once.mp4"))
    with av.open(str(path), "w") as file:
        stream: Any = None
        for turn in range(times):
            with av.open(str(once)) as source:
                theirs = source.streams.video[0]
                stream = stream or file.add_stream_from_template(theirs)
                for packet in source.demux(theirs):
                    if packet.pts is None or packet.dts is None or packet.time_base is None:
                        continue
                    shift = int(turn * FRAMES / RATE / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    file.mux(packet)
    once.unlink()


def measure(work: Callable[[], Any], repeats: int) -> tuple[Any, dict[str, float]]:
    """What the work gives, and its times."""
    found, walls, busy = work(), [], []
    for _ in range(repeats):
        start, processor = time.perf_counter(), time.process_time()
        found = work()
        walls.append(time.perf_counter() - start)
        busy.append(time.process_time() - processor)
    middle = {"seconds": float(np.median(walls)), "least": min(walls), "most": max(walls)}
    return found, middle | {"processor seconds": float(np.median(busy))}


def dlib_faces(images: list[Pixels], upsample: int) -> list[int]:
    """How many faces dlib's HOG detector finds in each picture."""
    dlib: Any = importlib.import_module("dlib")
    detector = dlib.get_frontal_face_detector()
    return [len(detector(image, upsample)) for image in images]


def haar_faces(images: list[Pixels]) -> list[int]:
    """How many faces OpenCV's Haar cascade finds in each picture."""
    name = Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"  # type: ignore[attr-defined]
    cascade = cv2.CascadeClassifier(str(name))
    greys = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in images]
    return [len(cascade.detectMultiScale(grey, 1.1, 5)) for grey in greys]


def scan(clip: Path, precision: Any, sample: Any, args: argparse.Namespace) -> dict[str, Any]:
    """Time, share of each stage and verdict of one way to look at the clip."""
    frames = 36 if sample == "adaptive" else 32
    scanner = Scanner(threads=args.threads, sample=sample, frames=frames, precision=precision)
    stages: list[dict[str, float]] = []

    def once() -> Any:
        verdict = scanner.scan(clip)
        stages.append(verdict.seconds)
        return verdict

    verdict, times = measure(once, args.repeats)
    spent = {name: float(np.median([s[name] for s in stages[1:]])) for name in stages[0]}
    row: dict[str, Any] = {"way": f"scan, {sample}, {precision}"} | times
    row |= {name: f"{seconds / sum(spent.values()):.0%}" for name, seconds in spent.items()}
    return row | {"frames": verdict.frames, "faces": len(verdict.faces)}


def others(clip: Path, repeats: int) -> list[dict[str, Any]]:
    """The same 32 frames through the face detectors that are common elsewhere."""
    images = [f.image for f in open_media(clip, Sampling("spread", 32))]
    ways: dict[str, Callable[[], list[int]]] = {"find, OpenCV Haar": lambda: haar_faces(images)}
    if importlib.util.find_spec("dlib"):
        ways |= {
            f"find, dlib HOG, upsampled {n}": lambda n=n: dlib_faces(images, n) for n in (0, 1)
        }
    else:
        print("dlib is not installed: nothing to set beside but OpenCV's cascade")
    rows = []
    for name, way in ways.items():
        found, times = measure(way, min(repeats, 3))
        rows.append({"way": name} | times | {"frames": len(found), "faces": sum(found)})
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--media", type=Path)
    parser.add_argument("--clips", type=Path, help="where the clips are kept for another run")
    parser.add_argument("--people", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=int, nargs="+", default=[10, 60])
    parser.add_argument("--samples", nargs="+", default=["adaptive", "spread"])
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--others", action="store_true")
    parser.add_argument("--dlib", type=Path, help="Folder to import dlib from.")
    args = parser.parse_args(argv)
    if args.dlib:
        sys.path.append(str(args.dlib))
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    tables: dict[str, list[dict[str, Any]]] = {}
    with kept_folder(args.clips) as folder:
        for people, seconds in product(args.people, args.seconds):
            clip = write_clip(folder, args.media, people, seconds)
            rows = [scan(clip, *way, args) for way in product(args.precisions, args.samples)]
            for row in rows:
                if "adaptive" in row["way"] and seconds in BARS:
                    row["bar"] = f"{BARS[seconds]} s"
            rows += others(clip, args.repeats) if args.others else []
            tables[f"{seconds} s of 720p, people in the clip: {people}"] = rows
    write("scan", tables, threads=args.threads, repeats=args.repeats, load=os.getloadavg()[0])


if __name__ == "__main__":
    main()
