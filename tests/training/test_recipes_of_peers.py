"""The recipes of the detectors that the paper compares with, run for two steps on noise."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from telltrace.checkpoint import load_detector
from telltrace.cli import main
from telltrace.models import create_detector

RECIPES = Path(__file__).parents[2] / "recipes"
SIZED = ("amtennet", "f3net", "f3net_fad", "m2tr", "meso4", "meso_inception4")
PEERS = (*SIZED, "efficientnet_b4", "multi_task", "xception")
SIDES = {"f3net": 64, "f3net_fad": 64, "xception": 64}
"""Side of a small image that a detector still reads, where 32 pixels are too few."""


@pytest.mark.parametrize("name", PEERS)
def test_a_recipe_trains_two_steps(
    name: str, crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state that a run could resume from is not written: it is hundreds of megabytes."""
    side = SIDES.get(name, 32)
    options = ["--options.image_size", str(side)] if name in SIZED else []
    monkeypatch.setattr("telltrace.training.trainer.save_state", lambda *state, **options: None)
    code = main(
        [
            *("train", "--config", str(RECIPES / f"{name}_ffpp_c23.yaml")),
            *("--manifest", str(crops), "--out", str(tmp_path), "--device", "cpu"),
            *("--data.image_size", str(side), "--data.batch_size", "6", "--optim.epochs", "1"),
            *options,
        ]
    )
    assert code == 0
    metrics = pd.read_csv(tmp_path / "metrics.csv")
    assert metrics.loss.notna().all()
    network = load_detector(tmp_path / "best.safetensors").network
    counted = {
        int(tensor)
        for key, tensor in network.state_dict().items()
        if key.endswith("num_batches_tracked")
    }
    twice = {"meso4": {4}, "meso_inception4": {2, 4}}  # a normalisation that two layers share
    assert counted == twice.get(name, {2})
    torch.manual_seed(7)
    fresh = create_detector(name, **({"image_size": side} if name in SIZED else {}))
    changed = [
        key
        for (key, before), after in zip(fresh.named_parameters(), network.parameters(), strict=True)
        if not torch.equal(before, after)
    ]
    assert len(changed) == len(list(network.parameters()))
