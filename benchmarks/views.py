"""Does the mean over several views of a face tell forgeries better than one look?

Validation crops of every source that holds forgeries, at most 500 each, are shown to the detector
in the package as it is used, mirrored, at two other sizes, and, where the crops were cut wide, at
two other margins. Printed: the AUC per crop of one view, of one and its mirror image, and of all.

    python benchmarks/views.py WORK

WORK is where recipes/build_default.sh wrote the crops.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

import telltrace
from telltrace.checkpoint import Detector
from telltrace.data.crops import Faces, read_crops

SETS = ("dfdc_faces2", "ffpp", "ciplab", "generated")
MARGINS, SIZES = (1.15, 1.45), (160, 224)
Pixels = NDArray[np.uint8]


def margins_of(detector: Detector, images: list[Pixels], size: int) -> NDArray[np.float64]:
    """Log odds of forgery of N crops, resized to a side, (N,)."""
    found = []
    for start in range(0, len(images), 32):
        part = [cv2.resize(one, (size, size)) for one in images[start : start + 32]]
        scores = np.clip(detector.score_resized(np.stack(part).astype(np.uint8)), 1e-9, 1 - 1e-9)
        found.append(np.log(scores / (1 - scores)))
    return np.concatenate(found)


def views(detector: Detector, faces: Faces, count: int, tight: bool) -> list[NDArray[np.float64]]:
    """The view in use, its mirror image, and all others."""
    size = detector.card.preprocessing.image_size
    crops = [faces.cut(row, detector.crop) for row in range(count)]
    mirrored = [np.ascontiguousarray(crop[:, ::-1]) for crop in crops]
    found = [margins_of(detector, images, size) for images in (crops, mirrored)]
    found += [margins_of(detector, crops, other) for other in SIZES]
    for margin in () if tight else MARGINS:
        crop = replace(detector.crop, margin=margin)
        found.append(margins_of(detector, [faces.cut(row, crop) for row in range(count)], size))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path, nargs="?")
    parser.add_argument("--limit", type=int, default=500)
    args = parser.parse_args()
    if args.work is None:
        print("This needs the folder of the default detector's crops.")
        return
    detector = telltrace.load_detector()
    print("| validation crops | one view | with its mirror image | all views |\n|---|---|---|---|")
    for name in SETS:
        table, crop = read_crops([args.work / "crops" / name / "manifest.csv"], split="val")
        table = table.sample(min(len(table), args.limit), random_state=0).reset_index(drop=True)
        tight = crop.margin < max(MARGINS)
        found = views(detector, Faces(table, [crop] * len(table)), len(table), tight)
        means = found[0], found[0] + found[1], np.sum(found, axis=0)
        cells = [f"{roc_auc_score(table.label, mean):.3f}" for mean in means]
        print(f"| {name}, {len(table)} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
