"""How many pairs of real and blended faces does one core make a second?

Run: ``python benchmarks/blending.py``. The faces are smooth random pictures with grain. Time is
the processor's, on one thread, so that other work on the machine does not count as ours.
"""

import platform
import statistics
import time

import cv2
import numpy as np

from telltrace.data.blending import blend_pair
from telltrace.pixels.augmentations import generator

SIZE, PAIRS, ROUNDS = 256, 200, 7


def pictures(count: int) -> list[np.ndarray]:
    """Smooth random colours with fine grain: as hard on the compressors as a face."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(count):
        coarse = rng.uniform(30, 220, (12, 12, 3)).astype(np.float32)
        smooth = cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        grain = rng.normal(0, 6, smooth.shape)
        made.append(np.clip(smooth + grain, 0, 255).astype(np.uint8))
    return made


def main() -> None:
    cv2.setNumThreads(1)
    faces = pictures(32)
    rates = []
    for epoch in range(ROUNDS):
        start = time.process_time()
        for index in range(PAIRS):
            blend_pair(
                faces[index % 32],
                generator(0, epoch, index),
                partner=faces[(index + 1) % 32],
            )
        rates.append(PAIRS / (time.process_time() - start))
    middle, low, high = statistics.median(rates), min(rates), max(rates)
    unit = "pairs per CPU second"
    print(f"blend_pair, {SIZE}x{SIZE}, one thread: {middle:.0f} {unit} ({low:.0f} to {high:.0f})")
    print(f"python {platform.python_version()}, numpy {np.__version__}, opencv {cv2.__version__}")


if __name__ == "__main__":
    main()
