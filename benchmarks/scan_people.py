"""Of three people, one has a forged face for one second: is the right one named, and the second?

For each forged video of FaceForensics++ a clip is composed, always the same: three originals side
by side, 400 x 480 each, cut about the first face found; from frame 100 to 124 (one second at 25 a
second) the face of the middle person comes from the forged video, pasted frame by frame into the
original. Each clip is judged by the detector in the package. Printed: the tracks (three, if
nobody was swapped), the highest score of each person, whether the forged one is named FAKE, and
how many frames the start and the end are off. A detector that cannot tell this forgery from its
original cannot name it: --methods and the scores say which it can.

    python benchmarks/scan_people.py DATA/FaceForensics++ --methods Deepfakes
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from telltrace.faces.detect import FaceDetector, create_face_detector
from telltrace.faces.media import Sampling
from telltrace.faces.reader import open_media
from telltrace.inference import Scanner, TrackVerdict, Verdict

Pixels = NDArray[np.uint8]
WIDTH, HEIGHT, FRAMES, RATE = 400, 480, 250, 25
FORGED = range(100, 125)


def read(path: Path) -> list[Pixels]:
    """The first ten seconds, or all that there is, over and over."""
    frames = []
    for frame in open_media(path, Sampling("all")):
        frames.append(frame.image)
        if len(frames) == FRAMES:
            break
    return [frames[index % len(frames)] for index in range(FRAMES)]


def window(frames: list[Pixels], detector: FaceDetector) -> list[Pixels]:
    """The same part of every frame, five of the first face's heights high, shrunk to fit."""
    left, top, right, bottom = detector.detect(frames[:1])[0][0].box
    high = min(frames[0].shape[0], round(2.6 * (bottom - top)))
    wide = min(frames[0].shape[1], round(high * WIDTH / HEIGHT))
    x = int(np.clip((left + right - wide) / 2, 0, frames[0].shape[1] - wide))
    y = int(np.clip((top + bottom - high) / 2, 0, frames[0].shape[0] - high))
    parts = (frame[y : y + high, x : x + wide] for frame in frames)
    return [np.asarray(cv2.resize(p, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)) for p in parts]


def paste(originals: list[Pixels], fakes: list[Pixels], detector: FaceDetector) -> list[Pixels]:
    """The originals, with the forged face in the forged second."""
    pasted = list(originals)
    for index in FORGED:
        frame, fake = originals[index].copy(), fakes[index]
        left, top, right, bottom = detector.detect([frame])[0][0].box
        reach = 0.4 * max(right - left, bottom - top)
        y0, y1 = max(0, round(top - reach)), round(bottom + reach)
        x0, x1 = max(0, round(left - reach)), round(right + reach)
        frame[y0:y1, x0:x1] = fake[y0:y1, x0:x1]
        pasted[index] = frame
    return pasted


def write(path: Path, people: list[list[Pixels]]) -> Path:
    """Three windows side by side, encoded about as well as the material."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=RATE, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = 3 * WIDTH, HEIGHT, "yuv420p"
        stream.thread_count = 1  # the same bytes each time
        for index in range(FRAMES):
            picture = np.concatenate([shown[index] for shown in people], axis=1)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))
    return path


def places(track: TrackVerdict) -> set[int]:
    """The windows that its faces are in: one, if nobody was swapped."""
    return {int((face.box[0] + face.box[2]) / 2 // WIDTH) for face in track.faces}


def describe(found: Verdict) -> dict[str, Any]:
    """What the scan says, beside what is so."""
    tracks = [(places(track), track) for track in found.tracks]
    spans = [span for where, track in tracks if where == {1} for span in track.forged]
    near = [s for s in spans if s.end * RATE >= FORGED[0] and s.start * RATE <= FORGED[-1]]
    highest = {
        str(sorted(where)): [round(track.score or 0, 3), str(track.status)]
        for where, track in tracks
    }
    off = None
    if near:
        off = [
            round(near[0].start * RATE) - FORGED[0],
            round(near[-1].end * RATE) - FORGED[-1],
        ]
    return {
        "tracks": len(tracks),
        "swaps": sum(len(where) > 1 for where, _ in tracks),
        "scores": highest,
        "frames": found.frames,
        "named": bool(near),
        "spans": len(near),
        "others_forged": sum(bool(track.forged) for where, track in tracks if where != {1}),
        "off": off,
    }


def compose(root: Path, forged: Path, detector: FaceDetector, out: Path) -> list[str] | None:
    """Write the clip about one forged video; names those beside the forged one.

    None where the original of the forged video is not at hand.
    """
    originals = root / "original_sequences" / "youtube" / "c23" / "videos"
    names = sorted(path.stem for path in originals.glob("*.mp4"))
    target = forged.stem.split("_")[0]
    if target not in names:
        return None
    beside = [names[(names.index(target) + step) % len(names)] for step in (2, 4)]
    mine = window(paste(read(originals / f"{target}.mp4"), read(forged), detector), detector)
    left, right = (window(read(originals / f"{name}.mp4"), detector) for name in beside)
    write(out, [left, mine, right])
    return beside


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("root", type=Path, nargs="?")
    parser.add_argument("--methods", nargs="+", default=["Deepfakes", "FaceSwap"])
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if args.root is None:
        print("This needs FaceForensics++: name its folder.")
        return
    detector = create_face_detector()
    scanner = Scanner(threads=args.threads)
    with tempfile.TemporaryDirectory() as folder:
        for method in args.methods:
            videos = args.root / "manipulated_sequences" / method / "c23" / "videos"
            for path in sorted(videos.glob("*.mp4")):
                clip = Path(folder) / f"{method}_{path.name}"
                beside = compose(args.root, path, detector, clip)
                if beside is not None:
                    line = {"method": method, "forged": path.stem, "beside": beside}
                    print(json.dumps({**line, **describe(scanner.scan(clip))}), flush=True)


if __name__ == "__main__":
    main()
