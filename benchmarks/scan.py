"""How long does it take to judge a ten-second video of 720p, and where does the time go?

Two clips are composed here, always the same: one and two people, with --media those of the first
videos found there, without it scikit-image's astronaut. 300 frames of 1280 x 720 at 30 a second,
encoded by x264. Judged with the detector in the package, after one scan that is not counted, with
32 fixed frames and with the adaptive default. Beside it, on the same 32 frames, what others find
faces with: dlib's HOG detector at full resolution if dlib is installed, and OpenCV's Haar cascade.

Each figure is the median of the repetitions with the range from the quickest to the slowest, and
the processor time of all threads, which says more where the machine is shared.

    python benchmarks/scan.py --media DATA/FaceForensics++/original_sequences
"""

import argparse
import importlib
import importlib.util
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage.data import astronaut

from telltrace.faces.media import Sampling
from telltrace.faces.reader import open_media
from telltrace.inference import Scanner, find_paths

Pixels = NDArray[np.uint8]
WIDTH, HEIGHT, FRAMES, RATE = 1280, 720, 300, 30


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


def write_clip(path: Path, media: Path | None, people: int) -> Path:
    """Ten seconds of one person or of two."""
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
    return path


def measure(work: Callable[[], Any], repeats: int) -> tuple[Any, str]:
    """What the work gives, and its times in words."""
    found, walls, busy = work(), [], []
    for _ in range(repeats):
        start, processor = time.perf_counter(), time.process_time()
        found = work()
        walls.append(time.perf_counter() - start)
        busy.append(time.process_time() - processor)
    said = f"{np.median(walls):5.2f} s ({min(walls):.2f} to {max(walls):.2f})"
    return found, f"{said}, processor {np.median(busy):.2f} s"


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


def scan(clip: Path, repeats: int, threads: int) -> None:
    """Time, share of each stage and verdict of each way to look at the clip."""
    for precision in ("float32", "bfloat16"):
        for sample, frames in (("spread", 32), ("adaptive", 36)):
            scanner = Scanner(threads=threads, sample=sample, frames=frames, precision=precision)
            stages: list[dict[str, float]] = []

            def once(scanner: Any = scanner, stages: Any = stages) -> Any:
                verdict = scanner.scan(clip)
                stages.append(verdict.seconds)
                return verdict

            verdict, said = measure(once, repeats)
            spent = {name: np.median([s[name] for s in stages[1:]]) for name in stages[0]}
            shares = ", ".join(f"{name} {t / sum(spent.values()):.0%}" for name, t in spent.items())
            kind = f"scan, {sample}, {precision}"
            print(
                f"{kind:36} {said}; {shares}; {verdict.frames} frames, {len(verdict.faces)} faces"
            )


def others(clip: Path, repeats: int) -> None:
    """The same 32 frames through the face detectors that are common elsewhere."""
    images, said = measure(
        lambda: [f.image for f in open_media(clip, Sampling("spread", 32))], repeats
    )
    print(f"{'decode 32 frames':36} {said}")
    ways: dict[str, Callable[[], list[int]]] = {"find, OpenCV Haar": lambda: haar_faces(images)}
    if importlib.util.find_spec("dlib"):
        ways |= {
            f"find, dlib HOG, upsampled {n}": lambda n=n: dlib_faces(images, n) for n in (0, 1)
        }
    else:
        print("dlib is not installed: nothing to set beside but OpenCV's cascade")
    for name, way in ways.items():
        found, said = measure(way, min(repeats, 3))
        print(f"{name:36} {said}; {sum(found)} faces in {sum(map(bool, found))} frames")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--media", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--dlib", type=Path, help="Folder to import dlib from.")
    args = parser.parse_args()
    if args.dlib:
        sys.path.append(str(args.dlib))
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    versions = f"torch {torch.__version__}, opencv {cv2.__version__}, av {av.__version__}"
    print(f"{versions}, Python {platform.python_version()}; {args.threads} threads")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as folder:
        for people in (1, 2):
            clip = write_clip(Path(folder) / f"{people}.mp4", args.media, people)
            print(f"people in the clip: {people}")
            scan(clip, args.repeats, args.threads)
            others(clip, args.repeats)


if __name__ == "__main__":
    main()
