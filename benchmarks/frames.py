"""Does a verdict hang on how many frames were looked at? Every test clip, looked at four times.

The real clips of the test split and FaceForensics++'s test pair are scanned with 8, 16, 36 and 72
frames. Printed: the verdicts with each number as shares with 95 % Wilson intervals; the clips with
the same verdict in all four; and how many are REAL with one number and FAKE with another.

    python benchmarks/frames.py DATA --out frames.csv
"""

import argparse
import sys
from pathlib import Path

import pandas as pd
from default_detector import VERDICTS, VIDEOS, show, split_media, wilson

from telltrace.inference import Scanner

FRAMES = (8, 16, 36, 72)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--sample", default="adaptive", help="as that of `telltrace scan`")
    parser.add_argument("--out", type=Path, help="table of all verdicts and scores")
    args = parser.parse_args()
    media = split_media(args.data, None, sys.maxsize) if args.data else pd.DataFrame()
    if media.empty:
        print("This needs the folder of the test media.")
        return
    media = media[media.dataset.isin(VIDEOS)].reset_index(drop=True)
    for frames in FRAMES:
        scanner = Scanner(device="cpu", sample=args.sample, frames=frames)
        found = [scanner.scan(path) for path in media.path]
        media[f"{frames}"] = [str(one.verdict or one.status) for one in found]
        media[f"score with {frames}"] = [one.score for one in found]
    if args.out:
        media.to_csv(args.out, index=False)
    scores = media[[f"score with {frames}" for frames in (FRAMES[0], FRAMES[-1])]]
    gap = scores.diff(axis=1).abs().mean(axis=None, skipna=True)
    print(f"Mean difference of the score, {FRAMES[0]} against {FRAMES[-1]}: {gap:.3f}")
    for label, kind in enumerate(["real", "forged"]):
        rows = media[media.label == label]
        said = rows[[f"{frames}" for frames in FRAMES]]
        print(f"\n{len(rows)} {kind} clips\n")
        show(
            [
                {"frames": frames}
                | {one: wilson(int((said[frames] == one).sum()), len(rows)) for one in VERDICTS}
                for frames in said
            ]
        )
        same = wilson(int((said.nunique(axis=1) == 1).sum()), len(rows))
        opposite = (said == "REAL").any(axis=1) & (said == "FAKE").any(axis=1)
        print(f"\nThe same verdict in all: {same}. REAL and FAKE: {opposite.sum()}.")


if __name__ == "__main__":
    main()
