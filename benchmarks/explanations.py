"""How well does each map of a detector show what was forged, and what does it cost?

Masks are those of blends, and the differences from the paired originals for FaceForensics++ (c23,
pairs that were not trained on) and for the test groups of DFDC-faces. Beside the methods of the
detector stand noise, and a map that is high in the middle of every face. Printed are means with
95 % intervals over media; deletion, insertion and undoing take some faces of each set. With --times
it measures what each method costs instead, against a score of the same faces.

    python benchmarks/explanations.py --blends crops/lfw/manifest.csv --ffpp FaceForensics++ \
        --dfdc dfdc_faces --reseeded another.safetensors --keep
    python benchmarks/explanations.py --times
"""

import argparse
import json
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
from results import in_turns, write

from telltrace.checkpoint import Detector, load_detector
from telltrace.data.blending import BlendSettings, blend_pair
from telltrace.data.crops import Faces, read_crops
from telltrace.evaluation.intervals import draw_weights, t_interval
from telltrace.evaluation.ranking import UndefinedError
from telltrace.explanation.grades import (
    BASELINES,
    agreement,
    curve_area,
    deletion,
    difference_mask,
    grade_map,
    insertion,
    shuffled,
)  # fmt: skip
from telltrace.explanation.methods import explain_crops, methods_of
from telltrace.faces.detect import create_face_detector
from telltrace.faces.media import at_positions
from telltrace.faces.reader import open_media

GRADED = Path(__file__).parents[1] / "src/telltrace/explanation/graded.json"
"""What `telltrace explain` says of the methods of detectors that were graded."""
PAIRS = ("672_720", "720_672", "878_866", "866_878")
"""Test and validation videos of FaceForensics++: their people were not trained on."""
FORGERIES = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures")
SLOW = ("integrated-gradients", "occlusion")
GRADES = ("pointing", "iou", "auc", "deletion", "insertion", "undoing")


class Case(NamedTuple):
    """A forged face, its mask, its original, and the medium that it is of."""

    fake: np.ndarray
    mask: np.ndarray
    real: np.ndarray
    medium: str


def blends(detector: Detector, manifest: Path, count: int) -> Iterator[Case]:
    """Self-blends of real faces of the test split, one a face."""
    table, crop = read_crops([manifest], split="test")
    table = table[table.label == 0].sample(frac=1, random_state=0)[:count].reset_index(drop=True)
    faces = Faces(table, [crop] * len(table))
    for row in range(len(table)):
        real, face = faces.cut(row, detector.crop), faces.face(row)
        points = detector.crop.place(
            face.landmarks, face, detector.crop.square(face, (crop.size,) * 2)
        )
        rng = np.random.default_rng([0, row])
        pair = blend_pair(real, rng, landmarks=points, settings=BlendSettings(frame=0))
        yield Case(pair.fake, pair.mask >= pair.mask.max() / 2, pair.real, str(table.video[row]))


def ffpp(detector: Detector, root: Path, forgery: str, count: int) -> Iterator[Case]:
    """Frames of forged videos that lie evenly, each with the same frame of the original."""
    finder = create_face_detector("cpu")
    for pair in PAIRS:
        path = root / f"manipulated_sequences/{forgery}/c23/videos/{pair}.mp4"
        origin = root / f"original_sequences/youtube/c23/videos/{pair[:3]}.mp4"
        if not (path.is_file() and origin.is_file()):
            continue
        places = at_positions(np.linspace(10, 250, count).round().astype(int).tolist())
        for fake, real in zip(open_media(path, places), open_media(origin, places), strict=True):
            found = finder.detect([fake.image])[0]
            if not found or fake.image.shape != real.image.shape:
                continue
            face = max(found, key=lambda one: one.confidence)
            yield from _pair(*(detector.crop.cut(f.image, face) for f in (fake, real)), pair)


def dfdc(detector: Detector, root: Path, count: int) -> Iterator[Case]:
    """One forgery of each test group, where its crop shows the frame of the original's crop."""
    table = pd.read_csv(root / "faces.csv", dtype=str)
    fakes = table[(table.split == "test") & (table.label == "1")].drop_duplicates("original")
    size, found = detector.card.preprocessing.image_size, 0
    for row in fakes.itertuples():
        files = root / str(row.path), root / "real" / f"{row.original}.jpg"
        images = [cv2.imread(str(file)) for file in files]
        if found < count and all(image is not None for image in images):
            small = [cv2.resize(i, (size, size), interpolation=cv2.INTER_AREA) for i in images]
            for case in _pair(*(image[..., ::-1].copy() for image in small), str(row.original)):
                found += 1
                yield case


def _pair(fake: np.ndarray, real: np.ndarray, medium: str) -> Iterator[Case]:
    mask = difference_mask(fake, real)
    if mask is not None:
        yield Case(fake, mask, real, medium)


def grade(
    detector: Detector, scorer: Detector, cases: list[Case], curves: int
) -> list[dict[str, Any]]:
    """A row for each method, and for what knows nothing of forgeries."""
    fakes, reals = [c.fake for c in cases], [c.real for c in cases]
    few = np.linspace(0, len(cases) - 1, min(curves, len(cases))).round().astype(int)
    some, originals = [fakes[i] for i in few], [reals[i] for i in few]
    media, rows = np.array([c.medium for c in cases]), []
    makers: dict[str, Callable[[], Any]] = {
        name: partial(explain_crops, detector, fakes, name) for name in methods_of(detector)
    }
    makers |= {n: partial(f, len(fakes), detector.crop.margin) for n, f in BASELINES.items()}
    for name, make in makers.items():
        maps = make()
        each = [grade_map(m, c.mask)._asdict() for m, c in zip(maps, cases, strict=True)]
        values = {key: np.array([one[key] for one in each]) for key in GRADES[:3]}
        areas = (
            deletion(scorer, some, maps[few]), insertion(scorer, some, maps[few]),
            curve_area(scorer, some, originals, maps[few]),
        )  # fmt: skip
        row: dict[str, Any] = {"method": name, "faces": len(cases), "media": len(set(media))}
        for key, found in (values | dict(zip(GRADES[3:], areas, strict=True))).items():
            row[key] = interval(found, media if key in values else media[few])
        rows.append(row)
    return rows


def interval(values: np.ndarray, media: np.ndarray) -> tuple[float, float | None, float | None]:
    """Mean and 95 % interval: media drawn with replacement, Student's t."""
    _, of = np.unique(media, return_inverse=True)
    count, mean = int(of.max()) + 1, float(values.mean())
    drawn = draw_weights([np.arange(count)], count, 1000, np.random.default_rng(0))[:, of]
    means = drawn @ values / drawn.sum(1)
    try:
        low, high = t_interval(mean, float(means.std(ddof=1)), count - 1, scale="share")
    except UndefinedError:
        return mean, None, None
    return mean, low, high


def checks(
    detector: Detector, fakes: list[np.ndarray], other: Detector | None
) -> list[dict[str, Any]]:
    """Agreement with a detector of another training and with one of shuffled weights."""
    rows = []
    noise = shuffled(detector)
    for name in methods_of(detector):
        ours = explain_crops(detector, fakes, name)
        mixed = agreement(ours, explain_crops(noise, fakes, name)).mean()
        row = {"method": name, "shuffled weights": float(mixed)}
        if other is not None and name in methods_of(other):
            row["another training"] = float(
                agreement(ours, explain_crops(other, fakes, name)).mean()
            )
        rows.append(row)
    return rows


def times(detector: Detector, scorer: Detector, fakes: list[np.ndarray]) -> list[dict[str, Any]]:
    """Milliseconds a face, 8 at a time, and in scores of the same faces, the sides taking turns.

    The own map is what the scorer gives in any case; the others look into the network, by PyTorch.
    """
    crops, rows = fakes[:8], []
    for name in methods_of(detector):
        one = scorer if name == "map" else detector
        spent = in_turns(
            {"score": partial(one.score, crops), name: partial(explain_crops, one, crops, name)},
            3 if name in SLOW else 15,
        )
        ratios = [ours / score for score, ours in zip(*spent.values(), strict=True)]
        rows.append({
            "method": name, "backend": one.backend,
            "ms a score": statistics.median(spent["score"]) / len(crops) * 1e3,
            "ms a map": statistics.median(spent[name]) / len(crops) * 1e3,
            "in scores": statistics.median(ratios), "least": min(ratios), "most": max(ratios),
        })  # fmt: skip
    return rows


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """Grades with their intervals as text."""

    def text(value: Any) -> Any:
        if not isinstance(value, tuple):
            return value
        mean, low, high = value
        return f"{mean:.3f}" if low is None else f"{mean:.3f} [{low:.3f}, {high:.3f}]"

    return {key: text(value) for key, value in row.items()}


def keep(detector: Detector, graded: dict[str, list[dict[str, Any]]]) -> None:
    """Write down the grades of this detector for `telltrace explain`."""
    known = json.loads(GRADED.read_text()) if GRADED.is_file() else {}
    known[detector.sha256] = {
        name: {
            row["method"]: {g: [v and round(v, 4) for v in row[g]] for g in GRADES} for row in rows
        }
        for name, rows in graded.items()
    }
    GRADED.write_text(json.dumps(known, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("--blends", "--ffpp", "--dfdc", "--checkpoint", "--reseeded"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--count", type=int, default=150, help="blends, and DFDC faces")
    parser.add_argument("--frames", type=int, default=12, help="of a video of FaceForensics++")
    parser.add_argument("--curves", type=int, default=48, help="faces of a set that get curves")
    parser.add_argument("--times", action="store_true", help="measure what methods cost instead")
    parser.add_argument("--keep", action="store_true", help="tell `telltrace explain` the grades")
    given = parser.parse_args()
    detector = load_detector(given.checkpoint)
    scorer = load_detector(given.checkpoint)  # whose network nobody looks into, which is quicker
    if given.times:
        size = detector.card.preprocessing.image_size
        noise = np.random.default_rng(0).integers(0, 256, (8, size, size, 3), dtype=np.uint8)
        write("explanation_times", {"time": times(detector, scorer, list(noise))})
        return
    sets: dict[str, list[Case]] = {}
    if given.blends:
        sets["blends"] = list(blends(detector, given.blends, given.count))
    for forgery in FORGERIES if given.ffpp else ():
        sets[forgery] = list(ffpp(detector, given.ffpp, forgery, given.frames))
    if given.dfdc:
        sets["DFDC groups"] = list(dfdc(detector, given.dfdc, given.count))
    if not sets:
        print("Give --blends, --ffpp or --dfdc: explanations are graded on forgeries with masks.")
        return
    graded = {name: grade(detector, scorer, cases, given.curves) for name, cases in sets.items()}
    fakes = [case.fake for cases in sets.values() for case in cases[:: max(1, len(cases) // 4)][:4]]
    other = load_detector(given.reseeded) if given.reseeded else None
    tables = {name: [shown(row) for row in rows] for name, rows in graded.items()}
    tables["rank correlation of maps with those of"] = checks(detector, fakes, other)
    write("explanations", tables, detector=detector.sha256[:12])
    if given.keep:
        keep(detector, graded)


if __name__ == "__main__":
    main()
