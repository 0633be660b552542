"""Every rule of another benchmark that flatters or errs: the wrong number there, the right here."""

import numpy as np
import pandas as pd
import pytest

from telltrace.evaluation.compatibility import deepfakebench


def table(rows: list[tuple[str, str, int, float]]) -> pd.DataFrame:
    """Frames from (video, method, label, score)."""
    video, method, label, score = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "path": "",
            "dataset": "FaceForensics++",
            "label": label,
            "method": method,
            "compression": "c23",
            "video": video,
            "identity": "",
            "split": "test",
            "frame": range(len(rows)),
            "time": 0.0,
            "score": score,
        }
    )


def figures(rows: list[tuple[str, str, int, float]]) -> dict[str, tuple[float, float]]:
    return {row.metric: (row.theirs, row.ours) for row in deepfakebench(table(rows))}


def test_videos_of_one_name_are_joined_there_and_kept_apart_here() -> None:
    """Four forgeries share a stem: a good one lifts a missed one over a real in between."""
    rows = [("000", "real", 0, 0.5), ("001", "real", 0, 0.1)]
    rows += [("183_253", "Deepfakes", 1, 0.9), ("183_253", "NeuralTextures", 1, 0.3)]
    theirs, ours = figures(rows)["video AUC"]
    assert theirs == 1.0  # (0.9 + 0.3) / 2 = 0.6, above both reals
    assert ours == 0.75  # 0.3 is below 0.5: three of four pairs


def test_a_name_shared_by_a_real_and_a_fake_counts_as_real_there() -> None:
    rows = [("a", "real", 0, 0.2), ("a", "Deepfakes", 1, 0.9)]
    rows += [("b", "real", 0, 0.1), ("c", "Deepfakes", 1, 0.5)]
    theirs, ours = figures(rows)["video AUC"]
    assert theirs == 0.5  # reals: a 0.55, b 0.1; fake: c 0.5
    assert ours == 1.0


def test_equal_error_rate_is_the_nearest_vertex_there() -> None:
    rows = [(f"r{i}", "real", 0, s) for i, s in enumerate([0.1, 0.2, 0.7])]
    rows += [(f"f{i}", "Deepfakes", 1, s) for i, s in enumerate([0.3, 0.8, 0.9, 0.6])]
    theirs, ours = figures(rows)["frame EER"]
    # Vertices (fpr, miss): (0, .5) (1/3, .5) (1/3, 0.25) (1/3, 0): the nearest is (1/3, .25).
    assert theirs == pytest.approx(1 / 3, abs=1e-12)
    assert ours == pytest.approx(1 / 3, abs=1e-12)
    rows = rows[:-1]  # vertices (0, 1/3) (1/3, 1/3): met exactly
    rows[2] = ("r2", "real", 0, 0.85)
    theirs, ours = figures(rows)["frame EER"]
    # (0, 1) (0, 2/3) (1/3, 2/3) (1/3, 1/3): crossing at 1/3 by both rules.
    assert theirs == ours == pytest.approx(1 / 3)


def test_equal_error_rate_differs_between_vertices() -> None:
    rows = [(f"r{i}", "real", 0, s) for i, s in enumerate([0.1, 0.5])]
    rows += [(f"f{i}", "Deepfakes", 1, s) for i, s in enumerate([0.2, 0.5, 0.5, 0.5])]
    theirs, ours = figures(rows)["frame EER"]
    # From (0, 1) to (.5, .25): fpr = t / 2 and miss = 1 - 3 t / 4 meet at t = .8.
    assert theirs == pytest.approx(0.5, abs=1e-12)
    assert ours == pytest.approx(0.4, abs=1e-12)


def test_class_accuracy_takes_the_table_to_be_sorted_there() -> None:
    rows = [("f", "Deepfakes", 1, 0.9), ("r", "real", 0, 0.1)]
    found = figures(rows)
    assert found["accuracy on reals"] == (0.0, 1.0)
    assert found["accuracy on fakes"] == (0.0, 1.0)


def test_a_score_of_one_half_is_real_there() -> None:
    rows = [("f", "Deepfakes", 1, 0.5), ("r", "real", 0, 0.1)]
    assert figures(rows)["frame accuracy"] == (0.5, 1.0)


def test_the_case_of_merged_names_at_size() -> None:
    """Four methods of each pair, of which one is seen badly: the merged figure is far too good."""
    rng = np.random.default_rng(0)
    rows = [(f"{i:03}", "real", 0, float(s)) for i, s in enumerate(rng.beta(4, 6, 100))]
    for method, a in (("Deepfakes", 9), ("Face2Face", 7), ("FaceSwap", 7), ("NeuralTextures", 4)):
        rows += [(f"{i}_x", method, 1, float(s)) for i, s in enumerate(rng.beta(a, 6, 100))]
    theirs, ours = figures(rows)["video AUC"]
    assert theirs > ours + 0.04
