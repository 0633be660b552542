"""How long does each corruption take for a face crop, and how far does it move the pixels?

    python benchmarks/corruptions.py --size 256 --frames 8 --repeats 5

Prints, for the middle level of each corruption, the median processor time of a crop and its spread
over the repeats, and the mean distance in grey levels at the weakest and strongest level. The
picture is the astronaut of scikit-image.
"""

import argparse
import statistics
import time

import cv2
import numpy as np
from skimage import data

from telltrace.robustness import CORRUPTIONS, LEVELS, corrupt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    settings = parser.parse_args()
    face = cv2.resize(data.astronaut()[:260, 100:360], (settings.size, settings.size))
    frames = [np.roll(face, shift, axis=1) for shift in range(settings.frames)]
    keys = [str(number) for number in range(settings.frames)]
    print(f"{'corruption':14} {'ms a crop':>10} {'spread':>8} {'level 1':>8} {'level 5':>8}")
    for name in CORRUPTIONS:
        spent = []
        for _ in range(settings.repeats):
            start = time.process_time()
            corrupt(frames, keys, name, (LEVELS + 1) // 2)
            spent.append(1000 * (time.process_time() - start) / settings.frames)
        moved = [
            np.abs(corrupt(frames, keys, name, level)[0].astype(float) - face).mean()
            for level in (1, LEVELS)
        ]
        spread = max(spent) - min(spent)
        middle = statistics.median(spent)
        print(f"{name:14} {middle:10.2f} {spread:8.2f} {moved[0]:8.2f} {moved[1]:8.2f}")


if __name__ == "__main__":
    main()
