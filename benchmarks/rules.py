"""Which rule from looks to a video's score tells forged videos from real ones, on validation?

AUC, without interval (the forged videos are of two people); real videos that score as high as the
forged one in the middle; and, since a verdict must not hang on the number of looks, real videos
above the threshold that 5 % of them exceed with 8 looks, once all looks are taken.

    python benchmarks/rules.py WORK/scores/clips_dense.csv WORK/scores/ffpp.csv
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from default_detector import show, wilson
from scipy.special import logit

from telltrace.evaluation import auc


def worst_second(looks: pd.DataFrame) -> float:
    """The highest mean of the looks within a second of one of them."""
    starts = looks.time.to_numpy()
    inside = (starts >= starts[:, None]) & (starts < starts[:, None] + 1)
    return float((inside @ looks.logit / inside.sum(1)).max())


RULES: dict[str, Callable[[pd.DataFrame], float]] = {
    "mean": lambda looks: looks.logit.mean(),
    "median": lambda looks: looks.logit.median(),
    "mean of the highest quarter": lambda looks: looks.logit.nlargest(-(-len(looks) // 4)).mean(),
    "worst second": worst_second,
    "highest look": lambda looks: looks.logit.max(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scores", type=Path, nargs="*", help="tables of validation videos")
    args = parser.parse_args()
    if not args.scores:
        print("This needs validation scores of videos.")
        return
    table = pd.concat([pd.read_csv(path, dtype={"video": str}) for path in args.scores])
    table["logit"] = logit(table.score.clip(1e-9, 1 - 1e-9))
    names = table.groupby(["dataset", "compression", "method", "video"], dropna=False)
    videos = [looks.sort_values("time") for _, looks in names]
    label = np.array([looks.label.iloc[0] for looks in videos])
    few = [each.iloc[np.linspace(0, len(each) - 1, 8).round().astype(int)] for each in videos]
    found = []
    for name, rule in RULES.items():
        score, with_8 = (np.array([rule(looks) for looks in each]) for each in (videos, few))
        real, limit = score[label == 0], np.quantile(with_8[label == 0], 0.95)
        as_high, above = (real >= np.median(score[label == 1])).sum(), (real > limit).sum()
        row = {"rule": name, "AUC": f"{auc(label, score):.3f} [n/a]"}
        row["reals as high as half the forged"] = wilson(int(as_high), len(real))
        found.append(row | {"reals above, all looks for 8": wilson(int(above), len(real))})
    print(f"{(label == 0).sum()} real and {(label == 1).sum()} forged videos")
    show(found)


if __name__ == "__main__":
    main()
