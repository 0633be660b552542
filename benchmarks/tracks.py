"""Is the face found in every frame that shows one, and is nothing else taken for a person?

Every frame of every video below the folder goes through a scan with a judge that costs nothing.
Printed for each: frames, frames in which a tracked face was found, how many were searched in
full, the people and their frames, and the boxes that were dropped as background. With --sheets
a picture for each video shows the frames without a face (first row) and each person's looks (a
row each), because no number says whether a box is a face: look at them.

    python benchmarks/tracks.py DATA/videos --sheets /tmp/sheets
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

from telltrace.checkpoint import Card, Detector
from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop
from telltrace.faces.media import Status
from telltrace.inference import Scanner, TrackVerdict, Verdict, find_paths
from telltrace.inference.pictures import key_faces, read_frames, thumbnail

SIDE = 112
"""Of one picture on a sheet, in pixels."""


class Indifferent(nn.Module):
    """(B, 3, H, W) -> (B, 2) equal logits."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.zeros(len(images), 2)


def free_judge() -> Detector:
    """A judge that costs next to nothing."""
    plain = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return Detector(
        Indifferent(),
        Card(detector="none", preprocessing=Preprocessing(FaceCrop(size=8), 8, *plain)),
    )


def rows(verdict: Verdict) -> Iterator[tuple[str, list[Image.Image]]]:
    """What is to be seen of a video: frames without a face, then each person."""
    seen = {face.frame for face in verdict.faces}
    missed = [frame for frame in range(verdict.frames) if frame not in seen]
    some = [missed[i] for i in np.linspace(0, len(missed) - 1, min(10, len(missed))).astype(int)]
    pictures = read_frames(verdict.path, some)
    shrunk = [Image.fromarray(pictures[frame]) for frame in some if frame in pictures]
    for picture in shrunk:
        picture.thumbnail((2 * SIDE, SIDE))
    yield f"{len(missed)} without: {some}", shrunk
    for number, track in enumerate(verdict.tracks, 1):
        faces = key_faces(track, 10)
        pictures = read_frames(verdict.path, {face.frame for face in faces})
        cut = [Image.fromarray(thumbnail(pictures[face.frame], face)) for face in faces]
        yield f"{number}: {len(track.faces)} from {track.faces[0].frame}", cut


def sheet(verdict: Verdict) -> Image.Image:
    """All rows of a video under each other."""
    lines = list(rows(verdict))
    page = Image.new("RGB", (10 * SIDE * 2, len(lines) * (SIDE + 14)), "white")
    draw = ImageDraw.Draw(page)
    for number, (text, pictures) in enumerate(lines):
        left, top = 0, number * (SIDE + 14)
        draw.text((2, top), text, fill="black")
        for picture in pictures:
            page.paste(picture, (left, top + 13))
            left += picture.width + 2
    return page


def describe(track: TrackVerdict) -> dict[str, float]:
    """A person in numbers."""
    boxes = np.array([face.box for face in track.faces])
    return {
        "first": track.faces[0].frame,
        "last": track.faces[-1].frame,
        "frames": len(track.faces),
        "confidence": round(float(np.median([f.confidence for f in track.faces])), 3),
        "lowest": round(min(f.confidence for f in track.faces), 3),
        "side": round(float(np.median(boxes[:, 2:] - boxes[:, :2]))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--sheets", type=Path)
    parser.add_argument("--sample", default="all")
    parser.add_argument("--frames", type=float, default=36)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if not args.folders:
        print("This needs videos: name a folder of them.")
        return
    torch.set_num_threads(args.threads)
    options = {"sample": args.sample, "frames": args.frames, "min_face": 0, "batch_size": 64}
    scanner = Scanner(free_judge(), device="cpu", **options)
    total = found = 0
    for path in map(Path, find_paths([str(folder) for folder in args.folders])):
        start = time.process_time()
        verdict = scanner.scan(path)
        if verdict.status in (Status.UNREADABLE, Status.UNSUPPORTED) or verdict.kind == "image":
            print(json.dumps({"video": str(path), "status": str(verdict.status)}), flush=True)
            continue
        total, found = total + verdict.frames, found + verdict.frames_with_face
        line = {
            "video": "/".join(path.parts[-5:]),
            "frames": verdict.frames,
            "with_face": verdict.frames_with_face,
            "share": round(verdict.frames_with_face / verdict.frames, 4),
            "dropped": verdict.dropped,
            "processor_s": round(time.process_time() - start, 1),
            "people": [describe(track) for track in verdict.tracks],
        }
        print(json.dumps(line), flush=True)
        if args.sheets:
            args.sheets.mkdir(parents=True, exist_ok=True)
            sheet(verdict).save(args.sheets / ("_".join(path.parts[-5:]) + ".png"))
    print(f"{found} of {total} frames, {found / max(total, 1):.2%}")


if __name__ == "__main__":
    main()
