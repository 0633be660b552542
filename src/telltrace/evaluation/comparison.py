"""Two detectors on the same items: which is better on which metric, or is it a tie?"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from telltrace.columns import VIDEO_KEY
from telltrace.errors import ManifestError

from .compact import ScoreTable, compact_scores
from .groups import choose_clusters
from .intervals import Draws
from .items import BinnedItems, Items, score_bins
from .metrics import METRICS, measure_ranking
from .ranking import Floats, Labels, Ranking, UndefinedError, check
from .scores import Columns
from .videos import Aggregation, aggregate_scores, identity_groups

Scores = pd.DataFrame | str | Path | ScoreTable | Sequence[ArrayLike]
Found = dict[str, "Comparison | str"]


@dataclass(frozen=True)
class Comparison:
    """A metric of the first detector less that of the second, with its interval."""

    first: float
    second: float
    difference: float
    low: float
    high: float
    level: float
    method: Literal["delong", "clustered bootstrap"]
    p_value: float | None = None
    """Two-sided, of no difference; None for a bootstrap."""
    higher_is_better: bool = True

    @property
    def verdict(self) -> Literal["first", "second", "tie"]:
        """Who is ahead; a tie where the interval holds 0."""
        if self.low <= 0 <= self.high:
            return "tie"
        return "first" if (self.difference > 0) == self.higher_is_better else "second"


def delong(
    labels: ArrayLike, first: ArrayLike, second: ArrayLike, *, level: float = 0.95
) -> Comparison:
    """DeLong's interval and test of the difference of two AUCs on the same independent items.

    Labels, 0 real and 1 fake, and the scores of either detector are (N,) each. Frames of one video
    are not independent: use it on videos of unrelated people.

    Raises:
        UndefinedError: If a class has fewer than two items, or the two detectors rank the
            items alike to the last one, so that nothing varies.

    References:
        DeLong, DeLong and Clarke-Pearson, "Comparing the Areas under Two or More Correlated
        Receiver Operating Characteristic Curves", Biometrics 1988.
    """
    y, a = check(labels, first)
    _, b = check(labels, second)
    for kind, what in ((0, "reals"), (1, "fakes")):
        if (count := int((y == kind).sum())) < 2:
            raise UndefinedError(f"DeLong's interval needs 2 {what}, got {count}")
    parts = [_placements(y, s) for s in (a, b)]
    areas = [float(fakes.mean()) for fakes, _ in parts]
    of_fakes, of_reals = (parts[0][k] - parts[1][k] for k in (0, 1))
    variance = of_fakes.var(ddof=1) / len(of_fakes) + of_reals.var(ddof=1) / len(of_reals)
    if variance < 1e-18:
        raise UndefinedError("the two detectors rank these items alike: nothing varies")
    difference, error = areas[0] - areas[1], float(np.sqrt(variance))
    reach = float(ndtri((1 + level) / 2)) * error
    p = float(2 * ndtr(-abs(difference) / error))
    low, high = difference - reach, difference + reach
    return Comparison(areas[0], areas[1], difference, low, high, level, "delong", p)


def _placements(y: Labels, s: Floats) -> tuple[Floats, Floats]:
    """For every fake the share of reals that it beats, for every real of fakes that beat it."""
    reals, fakes = (np.sort(s[y == kind]) for kind in (0, 1))

    def share_below(values: Floats, of: Floats) -> Floats:
        ends = [np.searchsorted(of, values, side=side) for side in ("left", "right")]
        return np.asarray(sum(ends) / (2 * len(of)))

    return share_below(s[y == 1], reals), 1 - share_below(s[y == 0], fakes)


class TableDraws:
    """The same draws of videos, or of groups of people, for any number of scores tables.

    Raises:
        UndefinedError: If fewer than two videos or groups of the first hold reals, or fakes.
    """

    def __init__(self, scores: Scores, *, replicates: int = 1000, seed: int = 0) -> None:
        table = compact_scores(scores)
        self.videos, self.label = table.videos, table.labels
        everyone = np.ones(len(self.label), bool)
        linked = identity_groups(self.videos)
        self.drawn, cluster = choose_clusters(self.label, everyone, linked)
        self.draws = Draws(self.label, cluster, replicates=replicates, seed=seed)

    def items(self, scores: Scores) -> tuple[BinnedItems, Ranking]:
        """The frames of a table of the same videos, or of some of them.

        Raises:
            ManifestError: If it has a video that the first table had not.
        """
        table = compact_scores(scores)
        keys = [pd.MultiIndex.from_frame(v[VIDEO_KEY]) for v in (self.videos, table.videos)]
        place = keys[0].get_indexer(keys[1])
        if (place < 0).any():
            name = "/".join(table.videos[VIDEO_KEY].iloc[int(np.argmin(place))])
            raise ManifestError(f"The video {name} is not among those that are drawn")
        items = Items(table.score, place[table.video], self.label, self.label)
        ranking = items.ranking(np.ones(2, bool))
        return BinnedItems(items, score_bins(ranking)), ranking

    def values(self, scores: Scores, metric: str) -> Floats:
        """A metric of the frames of a table in every draw, (replicates,)."""
        return self.draws.values(self.items(scores)[0], names=[metric])[metric]


def compare_items(first: Items, second: Items, draws: Draws) -> Found:
    """Every metric that has an interval, of two detectors on the same items.

    Student's interval, with the spread of draws that are the same for both detectors.

    Returns:
        By metric; a text says why there is no comparison.
    """
    everything = np.ones(int(first.cell.max()) + 1, bool)
    rankings = [items.ranking(everything) for items in (first, second)]
    measures = [measure_ranking(ranking) for ranking in rankings]
    drawn = [
        draws.values(BinnedItems(items, score_bins(ranking)))
        for items, ranking in zip((first, second), rankings, strict=True)
    ]
    found: Found = {}
    for name in drawn[0]:
        a, b = (measure[name].value for measure in measures)
        if a is None or b is None:
            found[name] = measures[0][name].reason or ""
            continue
        try:
            ends = draws.difference(a - b, drawn[0][name] - drawn[1][name])
        except UndefinedError as error:
            found[name] = str(error)
            continue
        better = METRICS[name].higher_is_better
        found[name] = Comparison(
            a, b, a - b, *ends, draws.level, "clustered bootstrap", higher_is_better=better
        )
    return found


def compare(
    first: Scores,
    second: Scores,
    aggregation: Aggregation = "mean",
    *,
    columns: Columns | None = None,
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[dict[str, Found], int]:
    """Compare two detectors on the items that both judged; tables and options as in `evaluate`.

    Returns:
        Comparisons by level and metric: frames and videos with a bootstrap that draws linked
        people or videos, as `evaluate` does, and videos with DeLong's test, which takes videos
        for independent. A text says why there is no comparison. Beside them, how many rows only
        one of the tables holds or judged.

    Raises:
        ManifestError: If the tables share no item, or do not name their items.
    """
    a, b = (compact_scores(x, columns, items=True) for x in (first, second))
    rows = pair_rows(a, b)
    scores = a.score[rows[0]], b.score[rows[1]]
    known = ~np.isnan(scores[0]) & ~np.isnan(scores[1])
    pair = [score[known] for score in scores]
    videos, owner = np.unique(a.video[rows[0]][known], return_inverse=True)
    label, table = a.labels[videos], a.videos.iloc[videos]
    out = len(a.score) + len(b.score) - len(known) - int(known.sum())
    of_videos = [aggregate_scores(owner, score, len(videos), aggregation) for score in pair]
    levels = {"frames": (pair, owner), "videos": (of_videos, np.arange(len(videos)))}
    found: dict[str, Found] = {}
    try:
        everyone = np.ones(len(videos), bool)
        _, cluster = choose_clusters(label, everyone, identity_groups(table))
        draws = Draws(label, cluster, replicates=replicates, level=level, seed=seed)
        for name, (values, of) in levels.items():
            one, other = (Items(score, of, label, label) for score in values)
            found[name] = compare_items(one, other, draws)
    except UndefinedError as error:
        found = {name: {"auc": str(error)} for name in levels}
    try:
        found["videos, DeLong"] = {"auc": delong(label, *of_videos, level=level)}
    except UndefinedError as error:
        found["videos, DeLong"] = {"auc": str(error)}
    return found, out


def comparison_to_dict(found: dict[str, Found], left_out: int) -> dict[str, Any]:
    """What `compare` returns as JSON holds it: the AUC by level, all metrics under "metrics"."""
    plain = {
        level: {k: v if isinstance(v, str) else asdict(v) for k, v in metrics.items()}
        for level, metrics in found.items()
    }
    return {
        **{level: metrics["auc"] for level, metrics in plain.items()},
        "left out": f"{left_out} rows that only one of the two holds or judged",
        "metrics": plain,
    }


def pair_rows(first: ScoreTable, second: ScoreTable) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row numbers of the items that two tables share, (M,) each, in the first table's order.

    An item is a video, path and frame; several faces in one frame are paired in their order.

    Raises:
        ManifestError: If there are none, or the tables name neither videos nor files.
    """
    _, a, b = np.intersect1d(_names(first), _names(second), return_indices=True)
    if not len(a):
        remedy = "Predict the same manifest with both."
        raise ManifestError("The two tables share no item", remedy=remedy)
    order = np.argsort(a)
    return a[order], b[order]


def _names(table: ScoreTable) -> NDArray[np.uint64]:
    """A number for each row that is the same in every table; (N,)."""
    assert table.item is not None
    order = np.argsort(table.item, kind="stable")
    ordered = table.item[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    occurrence = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    names = np.empty_like(table.item)
    names[order] = ordered + occurrence.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return names
