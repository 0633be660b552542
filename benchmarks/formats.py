"""Does a verdict survive another file format, another size and a tighter crop?

Photographs of the test splits of LFW and CelebA, all real, are saved in every format that the
reader knows and at three sizes, and cut to the box of the face; each copy is scanned. Printed:
the share of pictures that keep one verdict in all formats and in all sizes, and the false alarms
with their 95 % Wilson intervals. The run can be stopped; the same command goes on.

    python benchmarks/formats.py DATA --out formats.csv
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from default_detector import show, split_media, wilson
from PIL import Image

from telltrace.faces.detect import FaceDetector, create_face_detector
from telltrace.inference import Scanner

FORMATS = {
    "png": {}, "jpg": {"quality": 95}, "webp": {"quality": 95}, "tiff": {}, "bmp": {},
    "avif": {"quality": 95},
}  # fmt: skip
SIZES = ("0.75", "1.5")


def verdicts(path: str, scanner: Scanner, finder: FaceDetector) -> dict[str, str]:
    """What is said of every copy of a picture."""
    image = Image.open(path).convert("RGB")
    found = {"path": path}
    with tempfile.TemporaryDirectory() as folder:

        def said(picture: Image.Image, kind: str = "png") -> str:
            copy = Path(folder) / f"copy.{kind}"
            picture.save(copy, **FORMATS[kind])
            result = scanner.scan(copy)
            return str(result.verdict or result.status)

        for kind in FORMATS:
            found[kind] = said(image, kind)
        for factor in SIZES:
            found[factor] = said(image.resize([round(side * float(factor)) for side in image.size]))
        found["tight"] = said(tightened(image, finder))
    return found


def tightened(image: Image.Image, finder: FaceDetector) -> Image.Image:
    """A photograph cut to its first face's box."""
    faces = finder.detect([np.asarray(image)])[0]
    return image.crop([round(side) for side in faces[0].box]) if faces else image


def table(rows: pd.DataFrame) -> list[dict[str, str]]:
    """The model card's rows."""
    groups = {"six formats": [*FORMATS], "the five without avif": [*FORMATS][:-1]}
    groups |= {"three sizes": ["png", *SIZES]}
    groups |= {f"png and {kind}": ["png", kind] for kind in [*FORMATS][1:]}
    kept = {
        f"{name}: same verdict": rows[kinds].nunique(axis=1) == 1 for name, kinds in groups.items()
    }
    alarms = {"as they are: FAKE": rows.png == "FAKE", "cut tight: FAKE": rows.tight == "FAKE"}
    return [
        {"of real photographs": name, "share": wilson(int(hits.sum()), len(hits))}
        for name, hits in (kept | alarms).items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("formats.csv"))
    args = parser.parse_args()
    if args.data is None:
        print("This needs the folder of the test data: docs/data.md says what it holds.")
        return
    media = split_media(args.data, None, 200)
    pictures = media[media.dataset.isin(["LFW", "celeba"])].path.tolist()[: args.pictures]
    rows = pd.read_csv(args.out).to_dict("records") if args.out.is_file() else []
    done = {row["path"] for row in rows}
    scanner, finder = Scanner(device="cpu"), create_face_detector()
    for path in pictures:
        if path not in done:
            rows.append(verdicts(path, scanner, finder))
            pd.DataFrame(rows).to_csv(args.out, index=False)
    judged = pd.DataFrame(rows)
    judged = judged[judged.path.isin(pictures)] if len(judged) else judged
    print(f"{len(judged)} photographs")
    show(table(judged) if len(judged) else [])


if __name__ == "__main__":
    main()
