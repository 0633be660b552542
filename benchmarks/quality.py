"""How often are blurred, dark, small and compressed validation files misjudged? The card's bins.

The validation splits are scanned, pictures once more after a treatment each, as by `telltrace
calibrate --media`. Printed: wrong verdicts by what makes a file hard to judge and by treatment,
with Wilson's 95 % intervals. FOLDER is as of `default_detector.py`.

    python benchmarks/quality.py DATA --more FOLDER --limit 200

Without the data it prints that and ends.
"""

import argparse
from pathlib import Path

from default_detector import show, split_media

from telltrace.data.manifest import check_manifest, write_manifest
from telltrace.evidence.quality import VERDICTS
from telltrace.inference import Scanner
from telltrace.inference.quality import by_treatment, measure_quality


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--more", type=Path)
    parser.add_argument("--limit", type=int, default=200, help="files of a class of a source")
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--list", type=Path, help="only write these media, as a manifest")
    args = parser.parse_args()
    media = split_media(args.data, args.more, args.limit, "val") if args.data else None
    if media is None or media.empty:
        print("This needs the folder of the test data: docs/data.md says what it holds.")
        return
    media = check_manifest(media.assign(split="val"))
    if args.list:
        write_manifest(media, args.list)
        return
    bins, table = measure_quality(Scanner(args.checkpoint, device="cpu"), media)
    for key, files in media.groupby(["dataset", "label"]):
        print(*key, len(files))
    rows = [
        {
            "medium": one.medium,
            "files": one.kind,
            **{f"wrongly {name}": str(one.errors(name)) for name in VERDICTS},
            "becomes UNCERTAIN": ", ".join(n for n in VERDICTS if one.breaks_promise(n)),
        }
        for one in bins
    ]
    show(rows)
    show(
        [
            {"medium": medium, "treatment": name, "wrongly FAKE": fake, "wrongly REAL": real}
            for medium, name, fake, real in by_treatment(table)
        ]
    )


if __name__ == "__main__":
    main()
