"""Tables read in parts: the same as tables in memory, and errors that name the row."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from telltrace.errors import DependencyError, ManifestError
from telltrace.evaluation import COLUMNS, compact_scores, evaluate, write_scores

MakeScores = Callable[..., pd.DataFrame]


def test_parts_equal_the_whole(
    rich: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_scores(rich, tmp_path / "scores.csv")
    monkeypatch.setattr("telltrace.evaluation.scores.ROWS", 37)
    parts, whole = compact_scores(tmp_path / "scores.csv"), compact_scores(rich)
    assert parts.videos.equals(whole.videos)
    np.testing.assert_array_equal(parts.video, whole.video)
    np.testing.assert_array_equal(parts.score, whole.score)  # to the last bit
    assert parts.track is not None
    assert whole.track is not None
    assert len(np.unique(np.stack([parts.track, whole.track]), axis=1).T) == whole.track.max() + 1
    np.testing.assert_array_equal(parts.track_video[parts.track], parts.video)
    assert parts.unjudged == whole.unjudged == {"NO_FACE": 5, "UNREADABLE": 2}
    streamed = evaluate(tmp_path / "scores.csv", replicates=20)
    assert streamed.to_dict() == evaluate(rich, replicates=20).to_dict()


def test_tracks_are_judged_between_frames_and_videos(rich: pd.DataFrame) -> None:
    found = evaluate(rich, aggregation="max", replicates=20).overall
    assert found.tracks is not None
    judged = rich[rich["score"].notna()]
    key = ["method", "compression", "video", "track"]
    of_tracks = judged.groupby(key)["score"].max()
    assert (found.tracks.judged, found.videos.total) == (len(of_tracks), 120)
    assert found.tracks.total == rich.groupby(key).ngroups
    labels = (of_tracks.index.get_level_values("method") != "real").astype(int)
    wins = np.sign(of_tracks[labels == 1].to_numpy()[:, None] - of_tracks[labels == 0].to_numpy())
    assert found.tracks.metrics["auc"].value == pytest.approx(wins.mean() / 2 + 0.5, abs=1e-12)
    assert found.frames.coverage == 1 - 7 / len(rich)
    assert evaluate(rich.drop(columns="track"), replicates=20).overall.tracks is None


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("score", "2.0", "row 93: score is '2.0'; expected a probability"),
        ("score", "much", "row 93: score is 'much', not a number"),
        ("score", "nan", "row 93: score is 'nan', not a number"),
        ("label", "", "row 93: label is 'nan'; expected 0 for real"),
        ("video", "", "row 93: video is ''"),
        ("identity", "nobody", "row 93: identity is 'nobody', but an earlier row of the same"),
    ],
)
def test_a_wrong_row_in_a_later_part_is_named(
    column: str, value: str, message: str, make_scores: MakeScores, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    frame = make_scores(people=12).astype(str)
    frame.loc[91, column] = value
    path = tmp_path / "scores.csv"
    frame.to_csv(path, index=False)
    monkeypatch.setattr("telltrace.evaluation.scores.ROWS", 40)
    with pytest.raises(ManifestError) as caught:
        compact_scores(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    for name, content, message in (
        ("a.csv", b"", "not a readable CSV"),
        ("b.csv", b"path,score\na,1\n", "no column label"),
        ("c.csv", (",".join(COLUMNS) + "\n").encode(), "no rows"),
        ("d.csv", b"\xff\xd8\xff\xe0" * 50, "not a readable CSV"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ManifestError, match=message):
            compact_scores(tmp_path / name)
    with pytest.raises(ManifestError, match=r"no such file. Write one with"):
        compact_scores(tmp_path / "none.csv")


def test_parquet_without_pyarrow_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DependencyError, match="pip install pyarrow"):
        compact_scores(tmp_path / "scores.parquet")
