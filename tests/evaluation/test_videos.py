from collections.abc import Callable
from pathlib import PurePath

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from telltrace.evaluation import compact_scores
from telltrace.evaluation.videos import Aggregation, aggregate_scores, identity_groups, people

MakeScores = Callable[..., pd.DataFrame]


def table_of(videos: list[tuple[str, str, list[float]]]) -> pd.DataFrame:
    """Rows of (method, video, scores of its frames)."""
    rows = [
        {
            "path": f"{method}/{video}.mp4",
            "label": int(method != "real"),
            "method": method,
            "video": video,
            "identity": video.replace("_", "+"),
            "score": score,
        }
        for method, video, scores in videos
        for score in scores
    ]
    return pd.DataFrame(rows).assign(dataset="d", compression="c23", split="test")


def aggregate_videos(table: pd.DataFrame, how: Aggregation = "mean", top: int = 5) -> pd.DataFrame:
    """The videos of a table with their scores."""
    found = compact_scores(table)
    judged = np.bincount(found.video[~np.isnan(found.score)], minlength=len(found.videos))
    scores = found.level("videos", how, top)[0]
    return found.videos.assign(score=scores, judged=judged, frames=np.bincount(found.video))


def test_forgeries_with_the_same_file_name_are_different_videos() -> None:
    table = table_of(
        [
            *[("real", "183", [0.5, 0.5]), ("real", "253", [0.5, 0.5])],
            *[("Deepfakes", "183_253", [0.9, 0.9]), ("NeuralTextures", "183_253", [0.3, 0.3])],
        ]
    )
    stem = [PurePath(path).stem for path in table["path"]]
    by_stem = table.groupby(stem)[["label", "score"]].mean()
    assert roc_auc_score(by_stem["label"], by_stem["score"]) == 1.0  # the flattering figure
    videos = aggregate_videos(table)
    assert len(videos) == 4
    assert roc_auc_score(videos["label"], videos["score"]) == 0.5


@pytest.mark.parametrize(
    ("how", "expected"),
    [("mean", 0.5), ("max", 0.9), ("median", 0.4), ("top-k", 0.8)],
)
def test_aggregation_by_hand(how: Aggregation, expected: float) -> None:
    frames = [0.9, 0.1, 0.4, 0.7, 0.4]
    videos = aggregate_videos(table_of([("FaceSwap", "1_2", frames), ("real", "1", [0.2])]), how, 2)
    assert videos["score"].tolist() == pytest.approx([expected, 0.2], abs=1e-12)


def test_what_could_not_be_judged_is_counted_and_gets_no_score() -> None:
    nan = float("nan")
    table = table_of([("FaceSwap", "1_2", [0.5, nan, 0.7]), ("real", "1", [nan, nan])])
    videos = aggregate_videos(table)
    assert videos["frames"].tolist() == [3, 2]
    assert videos["judged"].tolist() == [2, 0]
    assert videos["score"].tolist() == pytest.approx([0.6, nan], nan_ok=True)


def test_matches_a_plain_group_by(make_scores: MakeScores) -> None:
    table = make_scores(people=6, frames=5, compressions=("c23", "c40")).sample(
        frac=1, random_state=0
    )
    expected = table.groupby(["dataset", "method", "compression", "video"])["score"].mean()
    videos = aggregate_videos(table)
    np.testing.assert_allclose(videos["score"], expected.to_numpy(), atol=1e-12)
    assert videos["video"].tolist() == expected.index.get_level_values("video").tolist()


def test_people_who_meet_in_a_forgery_are_one_group() -> None:
    videos = pd.DataFrame(
        {"dataset": list("ddddde"), "identity": ["1", "2", "1+2", "3", "3+4+2", "1"]}
    )
    groups = identity_groups(videos)
    assert groups is not None
    assert groups.tolist() == [0, 0, 0, 0, 0, 1]
    assert len(people(videos)) == 5
    assert identity_groups(videos[:2].assign(identity=["1", ""])) is None


@pytest.mark.parametrize(
    ("how", "top", "said"),
    [("best", 5, "'best'; expected one of"), ("top-k", 0, "top must be at least 1, got 0")],
)
def test_refuses_an_unknown_aggregation(how: Aggregation, top: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        aggregate_scores(np.array([0]), np.array([0.5]), 1, how, top)
