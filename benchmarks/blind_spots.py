"""On which pictures is the detector in the package blind? What REAL is worth under each flag.

Pictures of a manifest are scanned as they are and after what hides a forgery: small, blurred,
dark, compressed, cut, turned. Printed for each treatment and for each flag that the scan raised:
files, AUC of the scores, and how often a forgery is called REAL and a real one FAKE. Where the
AUC is near .5, REAL says nothing.

    python benchmarks/blind_spots.py WORK/crops/*/manifest.csv --split val --limit 40
"""

import argparse
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import binomtest

from telltrace.data.crops import read_crops
from telltrace.evaluation import auc
from telltrace.inference import Scanner
from telltrace.robustness import corrupt

Pixels = NDArray[np.uint8]


def shrunk(share: float) -> Callable[[Pixels], Pixels]:
    """Fewer pixels."""

    def apply(image: Pixels) -> Pixels:
        size = [max(1, round(side * share)) for side in image.shape[1::-1]]
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))

    return apply


def treated(name: str, level: int) -> Callable[[Pixels], Pixels]:
    """A corruption of the robustness suite."""
    return lambda image: corrupt([image], [""], name, level)[0]


def middle(share: float) -> Callable[[Pixels], Pixels]:
    """The middle of the picture, of this share of the sides."""

    def apply(image: Pixels) -> Pixels:
        top, left = (round(side * (1 - share) / 2) for side in image.shape[:2])
        return image[top : image.shape[0] - top, left : image.shape[1] - left]

    return apply


TREATMENTS: dict[str, Callable[[Pixels], Pixels]] = {
    "as it is": lambda image: image,
    "half the size": shrunk(0.5),
    "a third of the size": shrunk(0.33),
    "blur 2.5": treated("blur", 4),
    "JPEG 15": treated("jpeg", 5),
    "noise 30": treated("noise", 5),
    "gamma 2.2": treated("gamma", 5),
    "H.264 40": treated("h264", 5),
    "cut to its middle": middle(0.62),
    "upside down": lambda image: np.ascontiguousarray(image[::-1, ::-1]),
}


def chosen(manifests: list[Path], split: str, limit: int) -> pd.DataFrame:
    """At most so many pictures of each class of each data set, by chance and always the same."""
    table = pd.concat([read_crops([one], split=split)[0] for one in manifests])
    order = [hashlib.sha256(Path(path).name.encode()).hexdigest() for path in table["path"]]
    return table.iloc[np.argsort(order, kind="stable")].groupby(["dataset", "label"]).head(limit)


def share(hits: int, count: int) -> str:
    """A share with Wilson's 95 % interval."""
    if not count:
        return "-"
    low, high = binomtest(hits, count).proportion_ci(0.95, "wilson")
    return f"{hits / count:.0%} [{low:.0%}, {high:.0%}]"


def row(name: str, rows: pd.DataFrame) -> str:
    """One line of the table."""
    judged = rows[rows.score.notna()]
    fakes, reals = judged[judged.label == 1], judged[judged.label == 0]
    both = len(fakes) > 0 and len(reals) > 0
    cells = [
        name,
        f"{len(reals)} + {len(fakes)} of {len(rows)}",
        f"{auc(judged.label, judged.score):.3f}" if both else "-",
        share(int((fakes.verdict == "REAL").sum()), len(fakes)),
        share(int((reals.verdict == "FAKE").sum()), len(reals)),
        share(int((reals.verdict == "REAL").sum()), len(reals)),
        share(int((fakes.verdict == "FAKE").sum()), len(fakes)),
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path, nargs="*")
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int, default=40, help="of a class of a data set")
    parser.add_argument(
        "--treatments", nargs="+", choices=list(TREATMENTS), default=list(TREATMENTS)
    )
    parser.add_argument("--out", type=Path, help="table of all scans")
    args = parser.parse_args()
    if not args.manifest:
        print("This needs manifests of face crops.")
        return
    scanner, found = Scanner(device="cpu"), []
    for one in chosen(args.manifest, args.split, args.limit).to_dict("records"):
        image = np.array(Image.open(one["path"]).convert("RGB"))
        for name in args.treatments:
            said = scanner.scan(TREATMENTS[name](image))
            raised = {flag for track in said.tracks for flag in track.quality} | {*said.quality}
            found.append(
                {
                    "dataset": one["dataset"],
                    "label": one["label"],
                    "treatment": name,
                    "verdict": str(said.verdict or said.status),
                    "score": said.score,
                    "flags": " ".join(sorted(raised)),
                }
            )
        if args.out:
            pd.DataFrame(found).to_csv(args.out, index=False)
    table = pd.DataFrame(found)
    head = ["", "real + fake judged", "AUC", "fakes REAL", "reals FAKE", "reals REAL", "fakes FAKE"]
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for name in args.treatments:
        print(row(name, table[table.treatment == name]))
    flags = table["flags"].str.split()
    for flag in sorted({flag for each in flags for flag in each}):
        print(row(f"flag: {flag}", table[[flag in each for each in flags]]))
    print(row("no flag", table[table["flags"] == ""]))


if __name__ == "__main__":
    main()
