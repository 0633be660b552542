"""How right is the detector in the package on files that no training saw? The model card's tables.

Every file of the test splits is scanned as a stranger would scan it, with `telltrace scan`'s own
settings. Printed: the verdicts on each source as shares with 95 % Wilson intervals; how well the
scores of files tell each method from the reals of its source and from all real clips, with
intervals that draw people; the verdicts on all files of a kind. Groups of people: `people.py`.

    python benchmarks/default_detector.py DATA --more FOLDER --out scans.csv

FOLDER may hold dfdc/ (metadata.csv, faces_224/), generated/ (real/, ai/) and utkface/. The run
can be stopped; the same command goes on. Without the data it prints that and ends.
"""

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from telltrace.data.datasets import read_layout
from telltrace.data.protocols import assign_split
from telltrace.evaluation import METRICS, UndefinedError, cluster_interval
from telltrace.evaluation.groups import ENOUGH_PEOPLE
from telltrace.inference import Scanner

COLUMNS = ["path", "dataset", "label", "method", "compression", "video", "identity"]
VERDICTS = ("FAKE", "REAL", "UNCERTAIN")
VIDEOS = ("FaceForensics++", "real-clips", "videos")
PHOTOGRAPHS = ("LFW", "UTKFace", "celeba", "openforensics")
SWAPS = ("CIPLab", "DFDC-faces", "FaceForensics++")
FIGURES = {
    "AUC": "auc", "EER": "eer", "TPR at 1 % FPR": "tpr_at_fpr_1e-2",
    "TPR at 5 % FPR": "tpr_at_fpr_5e-2", "calibration error": "ece",
}  # fmt: skip


def split_media(data: Path, more: Path | None, limit: int, split: str = "test") -> pd.DataFrame:
    """The files of all splits of this name, at most ``limit`` of a class of a source."""
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
        tables.append(table[table.split == split])
    if (data / "videos").is_dir() and split == "test":
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


def figure(rows: pd.DataFrame, name: str) -> str:
    """A metric of the files' scores; its interval draws people, five in either class at least."""
    known = rows[rows.score.notna()]
    people = known.identity.str.split("+").str[0]
    drawn = people.groupby(known.label).nunique()
    try:
        value = METRICS[name](known.label, known.score)
    except UndefinedError:  # one class, or too few reals for the rate
        return "n/a"
    if len(drawn) < 2 or drawn.min() < ENOUGH_PEOPLE:
        return f"{value:.3f} [n/a]"
    interval = cluster_interval(known.label, known.score, people, METRICS[name])
    return f"{value:.3f} [{interval.low:.2f}, {interval.high:.2f}]"


def by_source(found: pd.DataFrame) -> Iterator[dict[str, str]]:
    """Verdicts on each source and method."""
    for key, rows in found.groupby(["dataset", "compression", "label", "method"]):
        dataset, compression, _, method = key
        counts = {verdict: int((rows.verdict == verdict).sum()) for verdict in VERDICTS}
        judged = sum(counts.values())
        yield {
            "source": " ".join(filter(None, (dataset, compression, method))),
            "files": str(len(rows)),
            **{verdict: wilson(hits, judged) for verdict, hits in counts.items()},
            "none": str(len(rows) - judged),
        }


def by_score(found: pd.DataFrame) -> Iterator[dict[str, str]]:
    """How well scores tell each method from the reals of its source, and from the real clips."""
    clips = found[(found.dataset == "real-clips") & (found.label == 0)]
    video = found.dataset.isin(VIDEOS)
    pairs = []
    for key, fakes in found[found.label == 1].groupby(["dataset", "compression", "method"]):
        own = found[(found.dataset == key[0]) & (found.compression == key[1])]
        pairs.append((" ".join(filter(None, key)), pd.concat([own[own.label == 0], fakes])))
    pairs += [("all pictures", found[~video]), ("all videos", found[video])]
    for name, pair in pairs:
        known = pair[pair.score.notna()]
        yield {
            "forgeries": name,
            "real + fake": f"{(known.label == 0).sum()} + {(known.label == 1).sum()}",
            **{title: figure(pair, metric) for title, metric in FIGURES.items()},
            "AUC, real clips": figure(pd.concat([clips, pair[pair.label == 1]]), "auc"),
        }


def pooled(found: pd.DataFrame) -> Iterator[dict[str, str]]:
    """Verdicts on all files of a kind."""
    real, judged = found.label == 0, found.verdict.isin(VERDICTS)
    kinds = {
        "real clips": (real & (found.dataset == "real-clips"), ["FAKE"]),
        "photographs": (real & found.dataset.isin(PHOTOGRAPHS), ["FAKE"]),
        "all reals": (real, ["FAKE"]),
        "swaps": (~real & found.dataset.isin(SWAPS), ["FAKE"]),
        "all forgeries": (~real, ["FAKE"]),
        "all files": (real | ~real, ["FAKE", "REAL"]),
    }
    for name, (kind, hit) in kinds.items():
        rows = found[kind & judged]
        share = wilson(int(rows.verdict.isin(hit).sum()), len(rows))
        yield {"files": f"{name}, {len(rows)}", "verdict": " or ".join(hit), "share": share}


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
    args = parser.parse_args()
    if args.data is None:
        print("This needs the folder of the test data: docs/data.md says what it holds.")
        return
    media = split_media(args.data, args.more, args.limit)
    if media.empty:
        print(f"{args.data}: holds none of the data sets; nothing was measured.")
        return
    scanner = Scanner(args.checkpoint, device="cpu", strict=args.strict)
    found = scan_all(media, args.out, scanner)
    for table in (by_source, pooled, by_score):
        show(list(table(found)))


if __name__ == "__main__":
    main()
