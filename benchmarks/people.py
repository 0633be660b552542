"""Whom does a detector call forged wrongly? False alarms on real photographs, by groups of people.

Age, sex and race as UTKFace's file names say them, which somebody guessed from the pictures; skin
tone as the angle (ITA) of the cheeks' colour in the picture, which moves with the light.
Printed for each group: files, how many are called FAKE with Wilson's 95 % interval, how many
REAL, and the mean score; for each label the largest gap, and groups with too few files.

    python benchmarks/people.py UTKFACE --limit 3000 --out people.csv

The run can be stopped; the same command goes on. Without the data it prints that and ends.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from default_detector import VERDICTS, show
from PIL import Image

from telltrace.data.datasets import read_layout
from telltrace.data.datasets.face_sets import utkface_group
from telltrace.evaluation.shares import Share, largest_gap
from telltrace.faces.skin import TONES, tone, typology_angle
from telltrace.inference import Scanner

LABELS = {
    "age": ["0 to 12", "13 to 29", "30 to 49", "50 and more"],
    "sex": ["female", "male"],
    "race": ["white", "black", "asian", "indian", "other"],
    "skin tone": [name for _, name in TONES],
}


def judged(path: Path, scanner: Scanner) -> dict[str, object]:
    """Verdict, score, labels and skin tone of a photograph."""
    found = scanner.scan(path)
    labels = utkface_group(path.name)
    assert labels is not None
    age, sex, race = labels
    row: dict[str, object] = {"path": str(path), "verdict": str(found.verdict or found.status)}
    row |= {"score": found.score, "sex": sex, "race": race, "skin tone": "", "angle": None}
    row["age"] = LABELS["age"][int(np.searchsorted([13, 30, 50], age, side="right"))]
    if found.worst is not None:
        with Image.open(path) as picture:
            angle = typology_angle(np.array(picture.convert("RGB")), found.worst.peak.seen.face)
        row |= {} if angle is None else {"angle": angle, "skin tone": tone(angle)}
    return row


def scan_all(paths: list[Path], out: Path, scanner: Scanner) -> pd.DataFrame:
    """Every photograph, written down now and then."""
    rows = pd.read_csv(out, keep_default_na=False).to_dict("records") if out.is_file() else []
    done = {row["path"] for row in rows}
    for number, path in enumerate(paths):
        if str(path) not in done:
            rows.append(judged(path, scanner))
        if number % 100 == 99 or number == len(paths) - 1:
            pd.DataFrame(rows).to_csv(out, index=False)
    return pd.read_csv(out, keep_default_na=False, na_values={"score": [""], "angle": [""]})


def groups(table: pd.DataFrame, label: str) -> dict[str, pd.DataFrame]:
    """Photographs with a verdict by group, empty groups too."""
    known = table[table["verdict"].isin(VERDICTS)]
    return {name: known[known[label] == name] for name in LABELS[label]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--limit", type=int, default=3000, help="files of the test split")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--out", type=Path, default=Path("people.csv"))
    args = parser.parse_args()
    if args.folder is None or not args.folder.is_dir():
        print("This needs the folder of UTKFace's photographs.")
        return
    media = read_layout("utkface", args.folder)
    files = [Path(path) for path in media["path"][media["split"] == "test"]]
    files.sort(key=lambda path: hashlib.sha256(path.name.encode()).hexdigest())
    table = scan_all(files[: args.limit], args.out, Scanner(args.checkpoint, device="cpu"))
    print(f"{len(table)} photographs, {table['verdict'].isin(VERDICTS).sum()} with a verdict")
    for label in LABELS:
        rows, alarms = [], {}
        for name, mine in groups(table, label).items():
            alarms[name] = Share(int((mine.verdict == "FAKE").sum()), len(mine))
            real = Share(int((mine.verdict == "REAL").sum()), len(mine))
            mean = f"{mine.score.mean():.3f}" if len(mine) else "-"
            row = {label: name, "called FAKE": str(alarms[name]), "called REAL": str(real)}
            rows.append({**row, "mean score": mean})
        show(rows)
        print(f"\n{largest_gap(alarms)}")


if __name__ == "__main__":
    main()
