"""Two detectors on the same items: which is better on which metric, or is it a tie?"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from telltrace.errors import ManifestError

from .columns import VIDEO_KEY
from .compact import Scores, compact_scores
from .groups import Drawn, choose_clusters
from .intervals import Draws
from .items import BinnedItems, Items
from .metrics import METRICS, measure_ranking
from .pairing import pair_items
from .ranking import Floats, Labels, UndefinedError, check
from .scores import Columns, columns_for
from .videos import Aggregation, aggregate_scores, identity_groups

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
    are not independent: use it on videos of unrelated people. An UndefinedError if a class has
    fewer than two items, or both rank all items alike, so that nothing varies.

    References:
        DeLong, DeLong and Clarke-Pearson, "Comparing the Areas under Two or More Correlated
        Receiver Operating Characteristic Curves", Biometrics 1988.
    """
    checked = [check(labels, scores) for scores in (first, second)]
    for kind, what in enumerate(("reals", "fakes")):
        if (count := int((checked[0][0] == kind).sum())) < 2:
            raise UndefinedError(f"DeLong's interval needs 2 {what}, got {count}")
    parts = [_placements(y, s) for y, s in checked]
    a, b = (float(of_fakes.mean()) for of_fakes, _ in parts)
    changes = [parts[0][k] - parts[1][k] for k in (0, 1)]
    variance = sum(change.var(ddof=1) / len(change) for change in changes)
    if variance < 1e-18:
        raise UndefinedError("the two detectors rank these items alike: nothing varies")
    difference, error = a - b, float(np.sqrt(variance))
    reach = float(ndtri((1 + level) / 2)) * error
    p = float(2 * ndtr(-abs(difference) / error))
    ends = difference - reach, difference + reach
    return Comparison(a, b, difference, *ends, level, "delong", p)


def _placements(y: Labels, s: Floats) -> tuple[Floats, Floats]:
    """For every fake the share of reals that it beats, for every real of fakes that beat it."""
    of_all, of_class = pd.Series(s).rank(), pd.Series(s).groupby(y).rank()
    beaten = (of_all - of_class).to_numpy()
    return beaten[y == 1] / (y == 0).sum(), 1 - beaten[y == 0] / (y == 1).sum()


class TableDraws:
    """The same draws of videos, or of groups of people, for any number of scores tables.

    An UndefinedError if fewer than two videos or groups of the first hold reals, or fakes.
    """

    def __init__(self, scores: Scores, *, replicates: int = 1000, seed: int = 0) -> None:
        table = compact_scores(scores)
        self.videos, self.label = table.videos, table.labels
        self.drawn, self.draws = _draw(self.videos, replicates=replicates, seed=seed)

    def items(self, scores: Scores) -> BinnedItems:
        """The frames of a table of (some of) these videos; a ManifestError where it has others."""
        table = compact_scores(scores)
        ours, theirs = (pd.MultiIndex.from_frame(v[VIDEO_KEY]) for v in (self.videos, table.videos))
        place = ours.get_indexer(theirs)
        if (place < 0).any():
            name = "/".join(table.videos[VIDEO_KEY].iloc[int(np.argmin(place))])
            raise ManifestError(f"The video {name} is not among those that are drawn")
        return BinnedItems(Items(table.score, place[table.video], self.label, self.label))

    def values(self, scores: Scores, metric: str) -> Floats:
        """A metric of the frames of a table in every draw, (replicates,)."""
        return self.draws.values(self.items(scores), names=[metric])[metric]


def _draw(videos: pd.DataFrame, **options: Any) -> tuple[Drawn, Draws]:
    """What is drawn of a table of videos, groups of linked people or videos, and the draws."""
    label, linked = videos["label"].to_numpy(np.int8), identity_groups(videos)
    drawn, cluster = choose_clusters(label, np.ones(len(label), bool), linked)
    return drawn, Draws(label, cluster, **options)


def _compare_items(first: Items, second: Items, draws: Draws) -> Found:
    """Every metric that has an interval: Student's, from draws that are the same for both."""
    measures = [measure_ranking(items.ranking()) for items in (first, second)]
    drawn = [draws.values(BinnedItems(items)) for items in (first, second)]
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
        known = a, b, a - b, *ends, draws.level
        found[name] = Comparison(*known, "clustered bootstrap", None, better)
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
        for independent. A text says why there is no comparison. Without "frames" the tables share
        videos alone, as those of different tools do. Beside them, how many rows, or videos, only
        one of the tables holds or judged.

    A ManifestError if the tables share no item, or do not name their items.
    """
    a = compact_scores(first, columns, items=True)
    b = compact_scores(second, columns_for(second, columns), items=True)
    rows = pair_items(a, b)
    (one, video), (other, _) = (
        x.level("frames" if rows.frames else "videos", aggregation) for x in (a, b)
    )
    scores = np.array([one[rows.first], other[rows.second]])
    known = ~np.isnan(scores).any(0)
    pair = scores[:, known]
    videos, owner = np.unique(video[rows.first][known], return_inverse=True)
    label = a.labels[videos]
    out = len(one) + len(other) - len(known) - int(known.sum())
    of_videos = [aggregate_scores(owner, score, len(videos), aggregation) for score in pair]
    levels = {"frames": ([*pair], owner), "videos": (of_videos, np.arange(len(videos)))}
    if not rows.frames:
        del levels["frames"]
    found: dict[str, Found] = {}
    try:
        table = a.videos.iloc[videos]
        _, draws = _draw(table, replicates=replicates, level=level, seed=seed)
        for name, (values, of) in levels.items():
            alike = [Items(score, of, label, label) for score in values]
            found[name] = _compare_items(alike[0], alike[1], draws)
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
    what = "rows" if "frames" in found else "videos"
    out = f"{left_out} {what} that only one of the two holds or judged"
    areas = {level: metrics["auc"] for level, metrics in plain.items()}
    return {**areas, "left out": out, "metrics": plain}
