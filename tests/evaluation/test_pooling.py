import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit

from telltrace.errors import OptionError
from telltrace.evaluation.calibration import Calibration
from telltrace.evaluation.pooling import confident
from telltrace.evaluation.videos import aggregate_scores

PUBLISHED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "golden" / "selimsef_rules.json").read_text()
)["confident_strategy"]


def test_confident_is_the_rule_that_won_the_dfdc() -> None:
    for case in PUBLISHED:
        assert confident(case["frames"]) == pytest.approx(case["score"], rel=1e-12), case["case"]


def test_videos_of_a_table_are_pooled_alike() -> None:
    scores = np.concatenate([np.array([*case["frames"], np.nan]) for case in PUBLISHED])
    video = np.repeat(np.arange(len(PUBLISHED)), [len(case["frames"]) + 1 for case in PUBLISHED])
    found = aggregate_scores(video, scores, len(PUBLISHED), "confident")
    assert found == pytest.approx([case["score"] for case in PUBLISHED], rel=1e-12)
    found = aggregate_scores(video, scores, len(PUBLISHED), "logits")
    assert found == pytest.approx([expit(logit(case["frames"]).mean()) for case in PUBLISHED])


def test_a_card_pools_margins_by_its_rule() -> None:
    margins = np.array([-3.0, 0.5, 4.0])
    rules = {
        "logits": float(margins.mean()),
        "mean": 2 * float(logit(expit(margins / 2).mean())),
        "confident": 2 * float(logit(expit(margins / 2).mean())),
    }
    for rule, expected in rules.items():
        calibration = Calibration(temperature=2.0, frames=rule)  # type: ignore[arg-type]
        assert calibration.pool(margins) == pytest.approx(expected)
    sure = np.full(12, 3.0)
    pooled = Calibration(frames="confident").pool(np.concatenate([sure, [-5.0] * 4]))
    assert pooled == pytest.approx(3.0)
    with pytest.raises(OptionError, match="frames must be one of logits, mean, confident"):
        Calibration(frames="median")  # type: ignore[arg-type]
