"""Recipes of the two-stream and the information-bottleneck papers, run for two steps on noise."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from telltrace.checkpoint import load_detector
from telltrace.cli import main
from telltrace.models import create_detector

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL: dict[str, dict[str, int]] = {
    "two_stream_xception": {"image_size": 64},
    "ib_resnet34": {"num_blocks": 2},
    "ib_efficientnet_b0": {"num_blocks": 2},
    "ib_mobilenet": {"num_blocks": 2},
}
"""Options that make a detector quick; the rest of its recipe stays."""


@pytest.mark.parametrize("name", list(SMALL))
def test_a_recipe_trains_two_steps_and_every_parameter(
    name: str, crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state that a run could resume from is not written: it is hundreds of megabytes."""
    smaller = [f"--options.{option}={value}" for option, value in SMALL[name].items()]
    monkeypatch.setattr("telltrace.training.trainer.save_state", lambda *state, **options: None)
    code = main(
        [
            *("train", "--config", str(RECIPES / f"{name}_ffpp_c23.yaml")),
            *("--manifest", str(crops), "--out", str(tmp_path), "--device", "cpu"),
            *("--data.image_size", "64", "--data.batch_size", "6", "--optim.epochs", "1"),
            *smaller,
        ]
    )
    assert code == 0
    assert pd.read_csv(tmp_path / "metrics.csv").loss.notna().all()
    network = load_detector(tmp_path / "best.safetensors").network
    torch.manual_seed(7)
    fresh = create_detector(name, **SMALL[name])
    still = [
        key
        for (key, before), after in zip(fresh.named_parameters(), network.parameters(), strict=True)
        if torch.equal(before, after)
    ]
    assert not still
