"""How right is the detector in the package on files that no training saw? The model card's tables.

Every file of the test splits is scanned as a stranger would scan it, with `telltrace scan`'s own
settings. Printed for each source: verdicts as shares with 95 % Wilson intervals, and the AUC of
file scores against the reals of the same source, or against all real clips for videos, with
intervals that draw people. Then: whether a verdict survives another file format or size, and
what a tighter crop of a photograph does.

    python benchmarks/default_detector.py DATA --more FOLDER --out scans.csv

FOLDER may hold dfdc/ (metadata.csv, faces_224/), generated/ (real/, ai/) and utkface/. The run
can be stopped; the same command goes on. Without the data it prints that and ends.
"""

import argparse
import hashlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy.stats import binomtest

from telltrace.data.datasets import read_layout
from telltrace.data.datasets.face_sets import utkface_group
from telltrace.data.protocols import assign_split
from telltrace.evaluation import UndefinedError, auc, cluster_interval
from telltrace.faces.detect import create_face_detector
from telltrace.faces.reader import open_media
from telltrace.inference import Scanner

COLUMNS = ["path", "dataset", "label", "method", "compression", "video", "identity"]
VERDICTS = ("FAKE", "REAL", "UNCERTAIN")
FORMATS = {"png": {}, "jpg": {"quality": 95}, "webp": {"quality": 95}, "tiff": {}, "bmp": {}}
SIZES = (0.75, 1.0, 1.5)


def test_media(data: Path, more: Path | None, limit: int) -> pd.DataFrame:
    """The files of all test splits that are there, at most ``limit`` of a class of a source."""
    calls = [
        (data / "videos_real", "real-clips", {}),
        (data / "FaceForensics++", "ffpp", {"compressions": ["c23", "c40"]}),
        (data / "ciplab_real_and_fake_face", "splices", {}),
        (data / "lfw_real", "lfw", {}),
        (data / "celeba_real", "folder", {"label": "real", "name": "celeba"}),
        (data / "openforensics_real", "folder", {"label": "real", "name": "openforensics"}),
    ]
    if more is not None:
        calls += [
            (more / "dfdc", "dfdc-faces", {"fakes": 1}),
            (more / "generated", "generated", {}),
        ]
        calls += [(more / "utkface", "utkface", {})]
    tables = []
    for root, layout, options in calls:
        if not root.is_dir():
            continue
        table = read_layout(layout, root, **options)
        protocols = {"ffpp": "ffpp-pairs", "folder": "by-identity"}
        if layout in protocols:
            table = assign_split(table, protocols[layout])
        tables.append(table[table.split == "test"])
    if (data / "videos").is_dir():
        clips = read_layout("folder", data / "videos", label="real", name="videos")
        clips.loc[clips.video.str.contains("generated"), ["label", "method"]] = [1, "talking-head"]
        tables.append(clips)
    if not tables:
        return pd.DataFrame(columns=COLUMNS)
    found = pd.concat(tables, ignore_index=True)
    order = [hashlib.sha256(Path(path).name.encode()).hexdigest() for path in found.path]
    found = found.iloc[np.argsort(order, kind="stable")]  # chance, and always the same
    return found.groupby(["dataset", "label"]).head(limit)[COLUMNS].reset_index(drop=True)


def scan_all(media: pd.DataFrame, out: Path, scanner: Scanner) -> pd.DataFrame:
    """Verdict and score of every file, each written when it is known."""
    done = pd.read_csv(out, dtype={"verdict": str}) if out.is_file() else pd.DataFrame()
    seen = set(done.path) if len(done) else set()
    rows = done.to_dict("records") if len(done) else []
    for number, path in enumerate(media.path):
        if path in seen:
            continue
        started = time.perf_counter()
        found = scanner.scan(Path(path))
        seconds = time.perf_counter() - started
        verdict = str(found.verdict or found.status)
        rows.append({"path": path, "verdict": verdict, "score": found.score, "seconds": seconds})
        if number % 100 == 99:
            print(f"{number + 1}/{len(media)} files", file=sys.stderr)
            pd.DataFrame(rows).to_csv(out, index=False)
    pd.DataFrame(rows).to_csv(out, index=False)
    return media.merge(pd.DataFrame(rows), on="path", how="left")


def wilson(hits: int, count: int) -> str:
    """A share and its 95 % interval."""
    if not count:
        return "-"
    low, high = binomtest(hits, count).proportion_ci(method="wilson")
    return f"{hits / count:.0%} [{low:.0%}, {high:.0%}]"


def areas(rows: pd.DataFrame) -> str:
    """AUC of the files' scores, people drawn together."""
    known = rows[rows.score.notna()]
    if known.label.nunique() < 2:
        return "-"
    people = known.identity.str.split("+").str[0]
    value = auc(known.label, known.score)
    try:
        interval = cluster_interval(known.label, known.score, people)
    except UndefinedError:
        return f"{value:.3f} [n/a]"
    return f"{value:.3f} [{interval.low:.2f}, {interval.high:.2f}]"


def by_source(found: pd.DataFrame) -> Iterator[dict[str, str]]:
    """A row of the model card for each source and method."""
    real_video = found[(found.dataset == "real-clips") & (found.label == 0)]
    keys = ["dataset", "compression", "label", "method"]
    for (dataset, compression, label, method), rows in found.groupby(keys):
        own = found[(found.dataset == dataset) & (found.compression == compression)]
        reals = own[own.label == 0]
        against = reals if len(reals) else real_video
        counts = {verdict: int((rows.verdict == verdict).sum()) for verdict in VERDICTS}
        judged = sum(counts.values())
        pair = pd.concat([against, rows])
        clips = pd.concat([real_video, rows])
        yield {
            "source": " ".join(filter(None, (dataset, compression, method))),
            "files": str(len(rows)),
            **{verdict: wilson(hits, judged) for verdict, hits in counts.items()},
            "none": str(len(rows) - judged),
            "AUC": areas(pair) if label else "-",
            "AUC, real clips": areas(clips) if label and len(real_video) else "-",
        }


def by_people(found: pd.DataFrame) -> Iterator[dict[str, str]]:
    """False alarms by the groups that UTKFace's names tell."""
    rows = found[found.dataset == "UTKFace"]
    told = [utkface_group(name) or (0, "", "") for name in rows.video]
    for place, name in ((1, "sex"), (2, "race")):
        for value in sorted({group[place] for group in told}):
            mine = rows[[group[place] == value for group in told]]
            judged = mine[mine.verdict.isin(VERDICTS)]
            hits = int((judged.verdict == "FAKE").sum())
            yield {
                "group": f"{name} {value}",
                "files": str(len(judged)),
                "FAKE": wilson(hits, len(judged)),
                "mean score": f"{judged.score.mean():.3f}",
            }


def survivors(pictures: list[str], scanner: Scanner) -> list[dict[str, str]]:
    """Whether a picture keeps its verdict in other formats, sizes and tighter crops."""
    finder = create_face_detector()
    same = {"five formats": 0, "three sizes": 0}
    alarms = {"as they are": 0, "cut tight": 0}
    with tempfile.TemporaryDirectory() as folder:
        for path in pictures:
            image = Image.open(path).convert("RGB")
            said = []
            for kind, options in FORMATS.items():
                copy = Path(folder) / f"copy.{kind}"
                image.save(copy, **options)
                said.append(str(scanner.scan(copy).verdict))
            same["five formats"] += len(set(said)) == 1
            alarms["as they are"] += said[0] == "FAKE"
            sizes = []
            for factor in SIZES:
                copy = Path(folder) / "copy.png"
                image.resize([round(side * factor) for side in image.size]).save(copy)
                sizes.append(str(scanner.scan(copy).verdict))
            same["three sizes"] += len(set(sizes)) == 1
            tight = tightened(Path(path), finder)
            tight.save(Path(folder) / "tight.png")
            alarms["cut tight"] += str(scanner.scan(Path(folder) / "tight.png").verdict) == "FAKE"
    return [
        {"of real photographs": f"{name}: same verdict", "share": wilson(hits, len(pictures))}
        for name, hits in same.items()
    ] + [
        {"of real photographs": f"{name}: FAKE", "share": wilson(hits, len(pictures))}
        for name, hits in alarms.items()
    ]


def tightened(path: Path, finder: object) -> Image.Image:
    """A photograph cut to its face's box."""
    frame = next(iter(open_media(path)))
    faces = finder.detect([frame.image])[0]  # type: ignore[attr-defined]
    image = Image.fromarray(frame.image)
    if not faces:
        return image
    left, top, right, bottom = faces[0].box
    return image.crop((round(left), round(top), round(right), round(bottom)))


def show(rows: list[dict[str, str]]) -> None:
    """A Markdown table."""
    if rows:
        names = list(rows[0])
        print("\n| " + " | ".join(names) + " |\n|" + "---|" * len(names))
        for row in rows:
            print("| " + " | ".join(row[name] for name in names) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--more", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--limit", type=int, default=600, help="files of a class of a source")
    parser.add_argument("--out", type=Path, default=Path("scans.csv"))
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--pictures", type=int, default=100, help="for formats and sizes")
    args = parser.parse_args()
    if args.data is None:
        print("This needs the folder of the test data: docs/data.md says what it holds.")
        return
    media = test_media(args.data, args.more, args.limit)
    if media.empty:
        print(f"{args.data}: holds none of the data sets; nothing was measured.")
        return
    scanner = Scanner(args.checkpoint, device="cpu", strict=args.strict)
    found = scan_all(media, args.out, scanner)
    show(list(by_source(found)))
    show(list(by_people(found)))
    photographs = found[found.dataset.isin(["LFW", "celeba"])].path.tolist()[: args.pictures]
    show(survivors(photographs, scanner) if photographs else [])


if __name__ == "__main__":
    main()
