"""Can properties that have nothing to do with forgery tell the classes apart?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import beta, rankdata
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ..evaluation.intervals import cluster_interval
from ..evaluation.metrics import auc
from ..evaluation.ranking import Floats, UndefinedError
from ..evaluation.videos import identity_groups
from .media import Medium
from .traits import QUESTIONS, Known, Question, describe, feature_table, known_traits, readable_rows

Verdict = Literal["shortcut", "trace", "cannot say", "no sign", "same everywhere"]
"""Worst first."""
Labels = NDArray[np.int64]

FOLDS: Final = 5
TREES: Final = 20
LEVEL: Final = 0.95
DRAWS: Final = 20000
ENOUGH: Final = 50
"""Draws that reach the AUC after which the chance is known well enough."""
SURE: Final = 1e-4
"""Chance at which a difference between the classes is no longer put down to chance. Ten questions
are asked of every set; one in a thousand sets may raise a false alarm."""
STRONG: Final = 0.6
"""AUC from which a difference is a shortcut and not a trace."""
EXCLUDED: Final = 0.75
"""Where the interval reaches beyond this AUC, "no sign" would say more than is known."""


@dataclass(frozen=True)
class Shortcut:
    """How well one group of properties tells fakes from reals, people unseen."""

    name: str
    verdict: Verdict
    auc: float | None = None
    low: float | None = None
    high: float | None = None
    """Ends of the interval of the AUC; it draws groups of people."""
    chance: float | None = None
    """How often such an AUC comes about where classes differ by chance alone."""
    detail: str = ""
    """How the classes differ, or why nothing can be said."""
    remedy: str = ""


@dataclass(frozen=True)
class Shortcuts:
    """The answers, worst first, and what they rest on."""

    media: int
    groups: int
    """Groups of people who never appear with one another."""
    basis: str
    """What a group is."""
    answers: tuple[Shortcut, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it, with the limits it rests on."""
        return {**asdict(self), "level": LEVEL, "alarm_at_chance": SURE}


def find_shortcuts(
    rows: pd.DataFrame,
    media: Mapping[str, Medium],
    questions: Sequence[Question] = QUESTIONS,
    seed: int = 0,
) -> Shortcuts:
    """Ask each question of the files that could be read.

    A classifier learns the classes from these properties alone on four fifths of the people and is
    asked about the rest. Its AUC carries an interval that draws groups of people, never narrower
    than as many throws of a coin would make it, and the chance of such an AUC where each group's
    class were drawn by lot. So few people give wide intervals and no alarm.
    """
    table = readable_rows(rows, media)
    labels, traits = table.label.to_numpy(np.int64), known_traits(table, media)
    groups, basis = people_groups(table)
    answers = [_ask(question, traits, labels, groups, seed) for question in questions]
    answers.sort(key=lambda a: (get_args(Verdict).index(a.verdict), -(a.auc or 0)))
    return Shortcuts(len(table), len(np.unique(groups)), basis, tuple(answers))


def people_groups(table: pd.DataFrame) -> tuple[NDArray[np.int64], str]:
    """A number for each row, the same for people whom any medium links, and what that means.

    Where forgeries link (almost) everybody it is the first person named, whose video was changed.
    """
    if table.empty:
        return np.empty(0, np.int64), "groups of people"
    linked = identity_groups(table)
    first = table.dataset + "\0" + table.identity.str.partition("+")[0]
    person = np.unique(first.to_numpy(str), return_inverse=True)[1].astype(np.int64)
    if linked is None or (len(np.unique(linked)) * 4 <= len(np.unique(person))):
        return person, "people, each named first (all are linked by forgeries)"
    return linked, "groups of people"


def _ask(
    question: Question, traits: Sequence[Known], labels: Labels, groups: Labels, seed: int
) -> Shortcut:
    name = question.name
    if not traits:
        return Shortcut(name, "cannot say", detail="not one file could be read")
    features = feature_table(question, traits)
    if features.shape[1] == 0:
        return Shortcut(name, "same everywhere")
    counts = [len(np.unique(groups[labels == k])) for k in (0, 1)]
    if min(counts) < 2:
        what = f"{counts[0]} groups of people with reals and {counts[1]} with fakes; 2 are needed"
        return Shortcut(name, "cannot say", detail=what)
    scores = held_out_scores(features, labels, groups, linear="spectrum" in question.traits)
    value = auc(labels, scores)
    low, high = clustered_interval(labels, scores, groups, seed)
    chance, least = permutation_p_value(labels, scores, groups, seed)
    verdict: Verdict = "cannot say" if least > SURE or high > EXCLUDED else "no sign"
    if chance <= SURE:
        verdict = "shortcut" if value >= STRONG else "trace"
    detail = describe(question, traits, labels)
    remedy = question.remedy if verdict in ("shortcut", "trace") else ""
    return Shortcut(name, verdict, value, low, high, chance, detail, remedy)


def held_out_scores(
    features: Floats, labels: Labels, groups: NDArray[np.int64], *, linear: bool = False
) -> Floats:
    """For each medium the probability of fake by a classifier that never saw its people, (N,).

    Logistic regression on standardised features (N, F), or randomised trees on them as they are;
    labels, 0 real and 1 fake, and groups of people are (N,).
    """
    folds = min(FOLDS, *(len(np.unique(groups[labels == k])) for k in (0, 1)))
    splits = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    scores = np.full(len(labels), 0.5)
    for seen, held_out in splits.split(features, labels, groups):
        if len(np.unique(labels[seen])) < 2:
            continue
        if linear:
            regression = LogisticRegression(C=0.1, class_weight="balanced", max_iter=500)
            model = make_pipeline(StandardScaler(), regression)
        else:
            fewest = int(np.clip(len(seen) // 50, 1, 10))
            options = {"class_weight": "balanced", "random_state": 0}
            model = ExtraTreesClassifier(TREES, min_samples_leaf=fewest, **options)
        model.fit(features[seen], labels[seen])
        scores[held_out] = model.predict_proba(features[held_out])[:, 1]
    return scores.round(9)  # so that what differs in rounding alone is a tie


def clustered_interval(
    labels: Labels, scores: Floats, groups: NDArray[np.int64], seed: int = 0
) -> tuple[float, float]:
    """Interval of the AUC that draws groups, and at least as wide as their number allows.

    The bootstrap of few groups is too narrow: a Clopper-Pearson interval for as many throws as the
    rarer class has groups bounds it.
    """
    value = auc(labels, scores)
    few = min(len(np.unique(groups[labels == k])) for k in (0, 1))
    tail = (1 - LEVEL) / 2
    won, lost = value * few, (1 - value) * few
    low = float(beta.ppf(tail, won, lost + 1)) if won > 0 else 0.0
    high = float(beta.ppf(1 - tail, won + 1, lost)) if lost > 0 else 1.0
    try:
        drawn = cluster_interval(labels, scores, groups, level=LEVEL, seed=seed)
    except UndefinedError:
        return low, high
    return min(low, drawn.low), max(high, drawn.high)


def permutation_p_value(
    labels: Labels, scores: Floats, groups: NDArray[np.int64], seed: int = 0
) -> tuple[float, float]:
    """How often lots reach this AUC, and how rarely they could for so many groups.

    Lots say which groups with one class are fake, and in which with both the classes change places.
    Media of a group stay together. The second figure is the least chance any scores could have.
    """
    names, group = np.unique(groups, return_inverse=True)
    ranks = rankdata(scores)
    classes = [labels == k for k in (0, 1)]
    counts = np.array([np.bincount(group, of, len(names)) for of in classes])
    sums = np.array([np.bincount(group, of * ranks, len(names)) for of in classes])
    both = (counts > 0).all(0)
    single = ~both
    fakes = int((counts[1] > 0)[single].sum())
    n, pairs = int(single.sum()), int(both.sum())
    ways = gammaln(n + 1) - gammaln(fakes + 1) - gammaln(n - fakes + 1) + pairs * np.log(2)
    least = float(np.exp(-ways))
    rng = np.random.default_rng(seed)
    reached = drawn = 0
    observed = _auc_of(sums[1].sum(), counts[1].sum(), len(ranks))
    block = int(np.clip(2**21 // max(1, len(names)), 1, DRAWS // 10))
    while drawn < DRAWS and reached < ENOUGH:
        size = min(block, DRAWS - drawn)
        flips = rng.random((size, pairs)).round()
        lots = rng.permuted(np.tile(np.arange(n) < fakes, (size, 1)), axis=1)
        total = lots @ sums.sum(0)[single] + _chosen(flips, sums[:, both])
        number = lots @ counts.sum(0)[single] + _chosen(flips, counts[:, both])
        reached += int((_auc_of(total, number, len(ranks)) >= observed - 1e-12).sum())
        drawn += size
    return max((1 + reached) / (1 + drawn), least), max(least, 1 / (1 + DRAWS))


def _chosen(flips: Floats, both: Floats) -> Floats:
    """Sum over groups of what counts as fake after the flips."""
    return (1 - flips) @ both[1] + flips @ both[0]


def _auc_of(rank_sum: Floats, fakes: Floats, total: int) -> Floats:
    """AUC from the sum of the fakes' ranks among all media."""
    return (rank_sum - fakes * (fakes + 1) / 2) / np.maximum(fakes * (total - fakes), 1e-9)
