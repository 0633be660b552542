"""How much of an AUC is the source: fakes beside reals of the same origin, coding and size only."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from telltrace.errors import ManifestError

from .columns import VIDEO_KEY
from .compact import LevelName, compact_scores
from .groups import choose_clusters
from .intervals import Draws
from .items import BinnedItems, Items, Numbers
from .metrics import auc
from .ranking import Floats, Labels, Ranking, UndefinedError
from .scores import Columns, check_scores, read_scores
from .text_tables import text_table, to_lines
from .videos import Aggregation, identity_groups

ALIKE: Final = ("dataset", "compression", "size")
"""What fakes and reals must share; a size lies between two powers of two pixels."""

Ends = tuple[float, float]


@dataclass(frozen=True)
class Matched:
    """AUCs of the same fakes beside all reals and beside those of their own group."""

    by: tuple[str, ...]
    """Columns that made the groups; those that the table lacks could not."""
    groups: int
    """With both classes."""
    fakes: int
    left_out: int
    """Fakes without a real of their group."""
    pooled: float
    matched: float
    """Each fake beside the reals of its group; every fake counts the same."""
    difference: float
    """The part of the AUC that is owed to the source."""
    intervals: dict[str, Ends]
    """Of the three figures, where they have one."""


def match_sources(
    scores: pd.DataFrame | str | Path,
    *,
    columns: Columns | None = None,
    aggregation: Aggregation = "mean",
    replicates: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Matched]:
    """Compare fakes with reals of the same data set, compression and size of the face only.

    A detector that knows where a file comes from, and nothing of forgeries, has an AUC above one
    half where fakes and reals come from different sources; matched it has none.

    Args:
        scores: A scores table whose videos are named, or its file; held in memory as a whole.
        columns: Columns that have other names there, ours to theirs.
        aggregation: How the frames of a video become its score.
        replicates: Draws of people, or of videos, behind every interval.
        level: How often intervals hold the truth.
        seed: Seed of the draws.

    Returns:
        What was found of ``frames`` and of ``videos``.

    Raises:
        ManifestError: If the videos have no names, or no column says where they come from.
        UndefinedError: If no group has both classes.
    """
    if isinstance(scores, pd.DataFrame):
        rows, name = check_scores(scores), "scores"
    else:
        rows, name = read_scores(scores, columns), str(scores)
    if not rows["video"].iloc[0]:
        raise ManifestError("no column `video`", remedy="Name each row's video.", path=name)
    table = compact_scores(rows)
    by, group = _groups(rows, table.videos)
    if not by:  # a difference of 0 would say that no source gives anything away
        remedy = f"Say of each row one of {', '.join(ALIKE)}, or more."
        raise ManifestError("nothing to match by", remedy=remedy, path=name)
    drawn = {"replicates": replicates, "level": level, "seed": seed}
    linked = identity_groups(table.videos)
    levels: tuple[LevelName, ...] = ("frames", "videos")
    return {
        one: _Strata(*table.level(one, aggregation), table.labels, group, linked).match(by, drawn)
        for one in levels
    }


def _groups(rows: pd.DataFrame, videos: pd.DataFrame) -> tuple[tuple[str, ...], Numbers]:
    """Columns that make the groups, and the number of each video's, (V,)."""
    by = tuple(c for c in ALIKE if c in rows and not rows[c].isin(["", np.nan]).all())
    size = rows["size"] if "size" in by else pd.Series(np.nan, rows.index)
    sizes = size.groupby([rows[c] for c in VIDEO_KEY]).median()
    of_videos = sizes.reindex(pd.MultiIndex.from_frame(videos[VIDEO_KEY]))
    octaves = np.floor(np.log2(of_videos.clip(lower=1)))
    keys = videos[["dataset", "compression"]].assign(octave=octaves.fillna(-1).to_numpy())
    return by, keys.groupby(list(keys)).ngroup().to_numpy(np.int64)


class _Strata:
    """Items in groups; each group has a cell of reals and one of fakes."""

    def __init__(
        self, score: Floats, owner: Numbers, label: Labels, group: Numbers, linked: Numbers | None
    ) -> None:
        names, cell = np.unique(2 * group + label, return_inverse=True)
        self.items, self.linked = Items(score, owner, label, cell), linked
        self.group, self.fake = names // 2, names % 2 == 1
        masks = [self.group == one for one in np.unique(self.group)]
        counts = [(mask, self.items.ranking(mask).totals) for mask in masks]
        self.own = [mask for mask, (reals, fakes) in counts if reals and fakes]
        """Cells of each group that has both classes."""
        self.left_out = int(sum(fakes for _, (reals, fakes) in counts if not reals))

    def match(self, by: tuple[str, ...], options: dict[str, Any]) -> Matched:
        if not self.own:
            raise UndefinedError("no fake has a real of the same source, coding and size")
        pooled = ~self.fake | np.any(self.own, axis=0)
        masks = [pooled, *self.own]
        found = [self.items.ranking(mask) for mask in masks]
        figures = {name: float(x) for name, x in _figures(found).items()}
        judged, intervals = self.items.counts[1] > 0, dict[str, Ends]()
        _, cluster = choose_clusters(self.items.label, judged, self.linked)
        with suppress(UndefinedError):  # too few people or videos: the figures stand alone
            draws = Draws(self.items.label, cluster, judged, **options)
            binned = BinnedItems(self.items)
            each = zip(*(draws.rankings(binned, mask) for mask in masks), strict=True)
            parts = [_figures(rankings) for rankings in each]
            drawn = {name: np.concatenate([part[name] for part in parts]) for name in figures}
            intervals = _intervals(draws, figures, drawn)
        count = int(found[0].totals[1])
        return Matched(by, len(self.own), count, self.left_out, **figures, intervals=intervals)


def _figures(rankings: Sequence[Ranking]) -> dict[str, Any]:
    """The three AUCs of one set, or of draws, from the ranking of all and that of each group."""
    fakes = np.array([ranking.totals[1] for ranking in rankings[1:]], np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled, *areas = (auc.compute(ranking) for ranking in rankings)
        known = ~np.isnan(areas)  # a draw may lack the reals of a group
        matched = np.sum(np.where(known, areas, 0) * fakes, axis=0) / np.sum(known * fakes, axis=0)
    return {"pooled": pooled, "matched": matched, "difference": pooled - matched}


def _intervals(
    draws: Draws, figures: dict[str, float], drawn: dict[str, Floats]
) -> dict[str, Ends]:
    found = {"difference": draws.difference(figures["difference"], drawn["difference"])}
    for name in ("pooled", "matched"):
        ends = draws.interval(auc, figures[name], drawn[name])
        found[name] = ends.low, ends.high
    return found


def render_matched(found: dict[str, Matched]) -> str:
    """What was matched, as a table and a sentence."""
    rows = []
    for level, one in found.items():
        names = ("pooled", "matched", "difference")
        cells = [_with_ends(getattr(one, name), one.intervals.get(name)) for name in names]
        rows.append([level, str(one.groups), f"{one.fakes} ({one.left_out})", *cells])
    by = next(iter(found.values())).by
    columns = ["level", "groups", "fakes (left out)"]
    figures = ["AUC, all reals", "AUC, matched", "difference"]
    lacking = [name for name in ALIKE if name not in by]
    said = f"Matched by {', '.join(by)}: each fake beside reals of its own group only."
    said += " A difference above 0 is what the source gives away; below 0 it is in the way."
    said += f" The table does not say: {', '.join(lacking)}." if lacking else ""
    return to_lines(
        [text_table([*columns, *figures], rows, title="Matched sources", whole=figures), said], 110
    )


def _with_ends(value: float, ends: Ends | None) -> str:
    return f"{value:.4f}" + (f" [{ends[0]:.3f}, {ends[1]:.3f}]" if ends else "")
