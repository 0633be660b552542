"""Our own modern recipe and the sweep beside it, run small on noise."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from telltrace.cli import main
from telltrace.training.config import Settings
from telltrace.training.sweep import points, read_grid, with_point

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = ("--data.image_size", "32", "--data.batch_size", "6", "--optim.epochs", "2")


def test_the_strong_recipe_trains_from_a_pack(crops: Path, tmp_path: Path) -> None:
    pack = tmp_path / "noise.pack"
    assert main(["pack", str(crops), str(pack)]) == 0
    recipe = ["--config", str(RECIPES / "strong_ffpp_c23.yaml")]
    out = ["--manifest", str(pack), "--out", str(tmp_path / "run"), "--device", "cpu"]
    assert main(["train", *recipe, *out, *SMALL, "--optim.warmup_steps", "1"]) == 0
    metrics = pd.read_csv(tmp_path / "run" / "metrics.csv")
    assert len(metrics) == 2
    assert metrics.loss.notna().all()


@pytest.mark.parametrize("path", sorted((RECIPES / "sweeps").glob("*.yaml")), ids=lambda p: p.stem)
def test_a_sweep_names_settings_that_there_are(path: Path) -> None:
    grid = read_grid(path)
    every = [with_point(Settings(), point) for point in points(grid)]
    assert len(every) > 1
    assert len({yaml.safe_dump(s.options) + str(s.seed) for s in every}) == len(every)
