"""How long do 32 evenly spaced frames of a 60 s clip take to read, here and with what others use?

The clip is composed as `scan.py` does: 1,800 frames of 1280 x 720 in H.264, some in ten of which
nothing hangs on. Every reader gives the same 32 frames as RGB arrays. Beside telltrace's reader,
decord and torchcodec where they can be imported, OpenCV's, and a plain loop over PyAV. The readers
take turns; wall and processor time are medians. "wrong" counts the frames that are not the ones
asked for: more than 3 of 255 off, in the mean, from that frame of the whole clip.

    python benchmarks/decoding.py --media DATA/FaceForensics++/original_sequences
"""

import argparse
import importlib
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from results import in_turns, spread, write
from scan import kept_folder, write_clip

from telltrace.faces.media import Sampling
from telltrace.faces.reader import open_media
from telltrace.jobs.threads import limit_threads

FRAMES = Sampling("spread", 32)
Pixels = NDArray[np.uint8]
Reader = Callable[[Path, list[int]], Sequence[Pixels]]


def telltrace(clip: Path, wanted: list[int]) -> Sequence[Pixels]:
    return [frame.image for frame in open_media(clip, FRAMES)]


def decord(clip: Path, wanted: list[int]) -> Sequence[Pixels]:
    module: Any = importlib.import_module("decord")
    images: Pixels = module.VideoReader(str(clip)).get_batch(wanted).asnumpy()
    return [*images]


def torchcodec(clip: Path, wanted: list[int]) -> Sequence[Pixels]:
    module: Any = importlib.import_module("torchcodec.decoders")
    decoder = module.VideoDecoder(str(clip), dimension_order="NHWC", num_ffmpeg_threads=0)
    images: Pixels = decoder.get_frames_at(wanted).data.numpy()
    return [*images]


def opencv(clip: Path, wanted: list[int]) -> Sequence[Pixels]:
    """Its reader as most use it: every frame is decoded, the wanted ones are converted."""
    capture, images, chosen = cv2.VideoCapture(str(clip)), [], set(wanted)
    for index in range(wanted[-1] + 1):
        capture.grab()
        if index in chosen:
            images.append(np.asarray(cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB)))
    capture.release()
    return images


def pyav(clip: Path, wanted: list[int]) -> Sequence[Pixels]:
    """A loop over all frames, in threads."""
    images, chosen = [], set(wanted)
    with av.open(str(clip)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for index, frame in enumerate(container.decode(video=0)):
            if index in chosen:
                images.append(np.asarray(frame.to_ndarray(format="rgb24")))
            if index == wanted[-1]:
                break
    return images


READERS: dict[str, Reader] = {
    "telltrace": telltrace, "decord": decord, "torchcodec": torchcodec, "OpenCV": opencv,
    "PyAV, all frames": pyav,
}  # fmt: skip


def usable(clip: Path, wanted: list[int]) -> dict[str, Reader]:
    """The readers that work here."""
    found = {}
    for name, reader in READERS.items():
        try:
            reader(clip, wanted[:1])
        except (ImportError, RuntimeError, OSError) as error:
            print(f"{name} is left out: {str(error).strip().splitlines()[0]}", flush=True)
        else:
            found[name] = reader
    return found


def compare(clip: Path, rounds: int) -> list[dict[str, Any]]:
    """A row of figures for each reader."""
    frames = [(frame.index, frame.image) for frame in open_media(clip, FRAMES)]
    wanted = [index for index, _ in frames]
    readers = usable(clip, wanted)
    shown: dict[str, int] = {}
    for name, reader in readers.items():
        pairs = zip(reader(clip, wanted), frames, strict=True)
        gaps = [cv2.absdiff(image, expected).mean() for image, (_, expected) in pairs]
        shown[name] = sum(bool(gap > 3) for gap in gaps)
    runs = {name: lambda read=read: read(clip, wanted) for name, read in readers.items()}
    times = in_turns(runs, rounds, warm=0, clock=clocks)
    rows = []
    for name in readers:
        wall, around = spread([both[0] for both in times[name]])
        busy, _ = spread([both[1] for both in times[name]])
        row = {"reader": name, "seconds": wall, "interquartile range": around}
        row |= {"processor seconds": busy, "wrong": shown[name], "version": version(name)}
        rows.append(row)
    return rows


def clocks() -> Any:
    """Seconds on the wall and of the processors."""
    return np.array([time.perf_counter(), time.process_time()])


def version(reader: str) -> str:
    module = {"OpenCV": "cv2", "PyAV, all frames": "av"}.get(reader, reader)
    return str(importlib.import_module(module).__version__)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--media", type=Path, help="videos of people; else scikit-image's picture")
    parser.add_argument("--clips", type=Path, help="where the clips are kept for another run")
    parser.add_argument("--people", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--libraries", type=Path, nargs="*", default=[], help="of other readers")
    args = parser.parse_args(argv)
    sys.path.extend(str(path) for path in args.libraries)
    limit_threads(args.threads)
    tables = {}
    with kept_folder(args.clips) as folder:
        for people in args.people:
            clip = write_clip(folder, args.media, people, args.seconds)
            title = f"32 frames of {args.seconds} s of 720p, people in the clip: {people}"
            tables[title] = compare(clip, args.rounds)
    write("decoding", tables, threads=args.threads, rounds=args.rounds)


if __name__ == "__main__":
    main()
