"""Who finds faces, and in what time? Ours on each backend, and what a user would take instead.

All search the same frames of real videos, evenly spread, in a copy whose longer side has 640
pixels. A face *is there* where two of three families find it: MTCNN (ours or facenet-pytorch's),
YuNet and OpenCV's Haar cascade; a family that is missing does not count. *Found* is the share of
those, with a 95 % Wilson interval; *alone* are faces a frame that no other family finds. Ours
following is `follow_faces` on frames a twelfth of a second apart, as in a scan.

    python benchmarks/faces.py MEDIA --facenet FOLDER --yunet FILE.onnx

FOLDER holds facenet-pytorch (``pip install --target FOLDER --no-deps facenet-pytorch``, weights
included); FILE is a YuNet of OpenCV's model zoo, or its authors' ``onnx/yunet_n_640_640.onnx``
(https://github.com/ShiqiYu/libfacedetection.train). What is not given is left out, and said.
"""

import argparse
import hashlib
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from default_detector import wilson
from numpy.typing import NDArray
from results import in_turns, spread, write

from telltrace.backends import installed
from telltrace.faces.detect import Box, create_face_detector, shrunk
from telltrace.faces.follow import follow_faces
from telltrace.faces.media import Sampling
from telltrace.faces.reader import open_media
from telltrace.faces.track import overlap
from telltrace.jobs.threads import limit_threads

SIDE = 640
"""Longer side of what is searched, in pixels."""
SAME = 0.3
"""Intersection over union from which two boxes are one face."""
FOLDERS = ("FaceForensics++/original_sequences/youtube/c23/videos", "videos", "videos_real")

Pixels = NDArray[np.uint8]
Found = list[list[Box]]
Finder = Callable[[Sequence[Pixels]], Found]


def frames_of(root: Path, videos: int, count: int) -> list[list[Pixels]]:
    """Frames of videos evenly chosen from each folder, shrunk to what is searched."""
    paths: list[Path] = []
    for folder in FOLDERS:
        files = sorted((root / folder).glob("*.mp4"))
        paths += files[:: max(1, len(files) // videos)][:videos]
    clips = [[f.image for f in open_media(path, Sampling("spread", count))] for path in paths]
    return [[shrunk(image, SIDE) for image in clip] for clip in clips]


def ours(backend: str) -> Finder:
    detector = create_face_detector(backend=backend)
    return lambda clip: [[face.box for face in faces] for faces in detector.detect(clip)]


def facenet(folder: Path) -> Finder:
    sys.path.append(str(folder))
    from facenet_pytorch import MTCNN

    finder = MTCNN(keep_all=True, min_face_size=20, device="cpu")

    def find(clip: Sequence[Pixels]) -> Found:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            boxes, _ = finder.detect(np.stack(clip))
        return [[] if one is None else [tuple(map(float, box)) for box in one] for one in boxes]

    return find


def yunet(file: Path) -> Finder:
    finder = cv2.FaceDetectorYN.create(str(file), "", (SIDE, SIDE), 0.7)

    def find(clip: Sequence[Pixels]) -> Found:
        height, width = clip[0].shape[:2]
        finder.setInputSize((width, height))
        faces = [finder.detect(cv2.cvtColor(x, cv2.COLOR_RGB2BGR))[1] for x in clip]
        return [[] if one is None else [_box(*row[:4]) for row in one] for one in faces]

    return find


def haar() -> Finder:
    name = "haarcascade_frontalface_default.xml"
    finder = cv2.CascadeClassifier(str(Path(cv2.data.haarcascades) / name))

    def find(clip: Sequence[Pixels]) -> Found:
        grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in clip]
        return [
            [_box(*row) for row in finder.detectMultiScale(x, 1.1, 5, minSize=(20, 20))]
            for x in grey
        ]

    return find


def _box(left: float, top: float, width: float, height: float) -> Box:
    return float(left), float(top), float(left + width), float(top + height)


def judge(found: dict[str, list[Found]], family: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Of each finder: the share of the faces that are there, and faces that no other family has."""
    counts = {name: np.zeros(3, int) for name in found}  # found, there, alone
    frames = sum(map(len, next(iter(found.values()))))
    for clip in range(len(next(iter(found.values())))):
        for number in range(len(next(iter(found.values()))[clip])):
            boxes = {name: found[name][clip][number] for name in found}
            there = _agreed(boxes, family)
            for name, own in boxes.items():
                counts[name][0] += sum(any(map(_same(one), own)) for one in there)
                counts[name][1] += len(there)
                others = [b for k, some in boxes.items() if family[k] != family[name] for b in some]
                counts[name][2] += sum(not any(map(_same(one), others)) for one in own)
    return {
        name: {"found": wilson(int(hit), int(there)), "alone": alone / frames}
        for name, (hit, there, alone) in counts.items()
    }


def _agreed(boxes: dict[str, list[Box]], family: dict[str, str]) -> list[Box]:
    """One box of each face that two families find."""
    there: list[Box] = []
    for name, own in boxes.items():
        for box in own:
            by = {family[k] for k, some in boxes.items() if any(map(_same(box), some))}
            if len(by | {family[name]}) > 1 and not any(map(_same(box), there)):
                there.append(box)
    return there


def _same(one: Box) -> Callable[[Box], bool]:
    return lambda other: overlap(one, other) >= SAME


def following(root: Path, rounds: int) -> list[dict[str, Any]]:
    """Time a frame of searching all frames, and of following faces, by backend."""
    rows = []
    paths = [
        sorted((root / FOLDERS[0]).glob("*.mp4"))[0],
        sorted((root / FOLDERS[2]).glob("*"))[-1],
    ]
    for path in paths:
        frames = list(open_media(path, Sampling("fps", 12)))[:24]
        for backend in installed():
            detector = create_face_detector(backend=backend)
            images = [frame.image for frame in frames]
            times = in_turns(
                {
                    "search all": lambda d=detector, x=images: d.detect(x),
                    "follow": lambda d=detector, x=frames: follow_faces(d, x),
                },
                rounds,
            )
            size = f"{images[0].shape[1]} x {images[0].shape[0]}"
            row: dict[str, Any] = {"frames": f"{len(frames)} of {size}", "backend": backend}
            for name, seconds in times.items():
                row[f"{name}, ms a frame"] = 1000 * spread(seconds)[0] / len(frames)
            rows.append(row)
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", help="folder with the research media")
    parser.add_argument("--facenet", type=Path, help="folder with facenet-pytorch")
    parser.add_argument("--yunet", type=Path, help="YuNet's ONNX file")
    parser.add_argument("--videos", type=int, default=5, help="of each of three folders")
    parser.add_argument("--frames", type=int, default=4, help="of each video")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    if args.data is None:
        print("This needs the folder of the research media.")
        return
    import torch  # for its version, and its threads

    limit_threads(args.threads)
    torch.set_num_threads(args.threads)
    finders = {f"ours, {name}": ours(name) for name in installed()}
    if args.facenet:
        finders["facenet-pytorch"] = facenet(args.facenet)
    if args.yunet:
        finders["YuNet"] = yunet(args.yunet)
    if hasattr(cv2, "CascadeClassifier"):
        finders["Haar cascade"] = haar()
    family = {name: name if name in ("YuNet", "Haar cascade") else "MTCNN" for name in finders}
    clips = frames_of(args.data, args.videos, args.frames)
    found = {name: [finder(clip) for clip in clips] for name, finder in finders.items()}
    verdicts = judge(found, family)
    runs = {
        name: lambda finder=finder: [finder(clip) for clip in clips]
        for name, finder in finders.items()
    }
    times = in_turns(runs, args.rounds, warm=0)  # each has run once
    count = sum(map(len, clips))
    rows = []
    for name, seconds in times.items():
        middle, width = spread([1000 * one / count for one in seconds])
        row = {"finder": name, "ms a frame": middle, "interquartile range": width}
        rows.append(row | verdicts[name])
    missing = [name for name in ("facenet-pytorch", "YuNet") if name not in finders]
    write(
        "faces",
        {
            f"{count} frames of {len(clips)} videos, at most {SIDE} pixels": rows,
            "Following": following(args.data, args.rounds),
        },
        threads=args.threads,
        left_out=", ".join(missing) or "nothing",
        yunet=f"{args.yunet.name}, SHA-256 {_sha(args.yunet)}" if args.yunet else "none",
    )


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


if __name__ == "__main__":
    main()
