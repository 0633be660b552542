"""What of an AUC is the source: a detector that knows only that loses all of it."""

import numpy as np
import pandas as pd
import pytest

from telltrace.cli import main
from telltrace.errors import ManifestError
from telltrace.evaluation import UndefinedError, auc, match_sources, write_scores


def two_sources(skill: float, source: float, seed: int = 0) -> pd.DataFrame:
    """One set is mostly forged, the other mostly real; scores know forgery, source or both."""
    rng, parts = np.random.default_rng(seed), []
    for name, reals, fakes, shift in (("a", 20, 80, source), ("b", 80, 20, -source)):
        label = np.repeat([0, 1], [reals, fakes])
        margin = rng.normal(skill * (label - 0.5) + shift / 2, 1)
        videos = [f"{name}{i}" for i in range(len(label))]
        parts.append(
            pd.DataFrame(
                {
                    "label": label, "score": 1 / (1 + np.exp(-margin)), "video": videos,
                    "dataset": name, "identity": videos, "size": 100.0,
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_a_detector_of_sources_has_no_matched_auc() -> None:
    found = match_sources(two_sources(skill=0, source=3), replicates=200)["videos"]
    assert found.pooled > 0.75
    low, high = found.intervals["matched"]
    assert low < 0.5 < high
    assert found.difference == pytest.approx(found.pooled - found.matched)
    assert found.intervals["difference"][0] > 0.1


def test_a_detector_of_forgeries_keeps_its_auc() -> None:
    table = two_sources(skill=2, source=0)
    found = match_sources(table, replicates=200)["frames"]
    assert found.pooled == pytest.approx(auc(table["label"], table["score"]))
    low, high = found.intervals["difference"]
    assert low < 0 < high


def test_the_matched_auc_is_the_mean_over_fakes_of_their_own_groups() -> None:
    table = two_sources(skill=1, source=1)
    table.loc[::3, "size"] = 300.0  # a third group of each set
    table["octave"] = table["size"] > 200
    each = [(g.label.sum(), auc(g.label, g.score)) for _, g in table.groupby(["dataset", "octave"])]
    expected = np.average([area for _, area in each], weights=[fakes for fakes, _ in each])
    found = match_sources(table.drop(columns="octave"), replicates=10)["videos"]
    assert found.matched == pytest.approx(expected)
    assert (found.groups, found.fakes, found.left_out) == (4, 100, 0)
    assert found.by == ("dataset", "size")


def test_fakes_without_a_real_like_them_are_left_out() -> None:
    table = two_sources(skill=1, source=0)
    table.loc[(table.dataset == "a") & (table.label == 0), "size"] = 30.0
    found = match_sources(table, replicates=10)["videos"]
    assert (found.groups, found.fakes, found.left_out) == (1, 20, 80)
    with pytest.raises(UndefinedError, match="no fake has a real"):
        match_sources(table[table.dataset == "a"], replicates=10)


def test_videos_and_their_sources_must_be_named() -> None:
    with pytest.raises(ManifestError, match="no column `video`"):
        match_sources(two_sources(1, 1)[["label", "score"]])
    with pytest.raises(ManifestError, match=r"nothing to match by.*dataset, compression, size"):
        match_sources(two_sources(1, 1)[["label", "score", "video"]])


def test_the_command_prints_what_was_matched(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"{tmp_path}/scores.csv"
    write_scores(two_sources(1, 1).drop(columns="size"), path)
    assert main(["evaluate", path, "--matched", "--replicates", "20"]) == 0
    said = capsys.readouterr().out
    assert "Matched by dataset:" in said
    assert "The table does not say: compression, size." in said
