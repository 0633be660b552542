"""What does finding faces cost, and what does reading the frames to find them in?

Frames are scikit-image's astronaut on a page of each size, moved a little from one to the next.
The clip is 338 such frames of 720p, encoded here with x264, of which 32 are read and searched.
Each figure is the median of the repetitions, with the range from the quickest to the slowest, and
the processor time of all threads, which says more where the machine is shared.

    python benchmarks/detection.py --threads 2 --device cpu
"""

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage.data import astronaut

from telltrace.faces.detect import create_face_detector
from telltrace.faces.media import Sampling
from telltrace.faces.reader import open_media

SIZES = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080)}


def frames(width: int, height: int, count: int) -> list[NDArray[np.uint8]]:
    """Astronauts as high as the frame, on grey noise, drifting to the right."""
    noise = np.random.default_rng(0).integers(90, 120, (height, width, 3), np.uint8)
    page = cv2.GaussianBlur(noise, (0, 0), 2)
    person = cv2.resize(astronaut(), (height, height), interpolation=cv2.INTER_CUBIC)
    pictures = []
    for index in range(count):
        left = (width - height) * index // count
        picture = page.copy()
        picture[:, left : left + height] = person
        pictures.append(picture)
    return pictures


def write_clip(path: Path, pictures: list[NDArray[np.uint8]]) -> None:
    height, width = pictures[0].shape[:2]
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "23"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def seconds(work: Callable[[], object], repeats: int) -> tuple[list[float], float]:
    """Wall clock of each repetition, ascending, and the median of their processor time."""
    work()  # not counted
    walls, busy = [], []
    for _ in range(repeats):
        start, processor = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - start)
        busy.append(time.process_time() - processor)
    return sorted(walls), sorted(busy)[repeats // 2]


def report(name: str, times: tuple[list[float], float], scale: float, unit: str) -> None:
    walls, busy = times
    low, middle, high = (t * scale for t in (walls[0], walls[len(walls) // 2], walls[-1]))
    print(f"{name:42} {middle:8.2f} {unit} ({low:.2f} to {high:.2f}), processor {busy * scale:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    versions = f"torch {torch.__version__}, opencv {cv2.__version__}, av {av.__version__}"
    print(f"{versions}, Python {platform.python_version()}; {args.threads} threads, {args.device}")

    detector = create_face_detector(args.device)
    for name, size in SIZES.items():
        pictures = frames(*size, 16)
        found = sum(map(bool, detector.detect(pictures)))
        times = seconds(lambda pictures=pictures: detector.detect(pictures), args.repeats)
        label = f"detect, {name}, batch of 16 ({found} with a face)"
        report(label, times, 1000 / len(pictures), "ms a frame")

    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_clip(clip, frames(*SIZES["720p"], 338))
        read = [frame.image for frame in open_media(clip, Sampling("spread", 32))]

        def both() -> None:
            detector.detect([frame.image for frame in open_media(clip)])

        report("open: timestamps of 338 packets", seconds(lambda: open_media(clip), 5), 1e3, "ms")
        report("read 32 of 338", seconds(lambda: list(open_media(clip)), args.repeats), 1, "s")
        report("detect in 32", seconds(lambda: detector.detect(read), args.repeats), 1, "s")
        report("read 32 of 338 and detect", seconds(both, args.repeats), 1, "s")


if __name__ == "__main__":
    main()
