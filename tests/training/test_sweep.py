import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats

from telltrace.cli import main
from telltrace.training import HardwareConfig, OptimConfig
from telltrace.training.config import Settings
from telltrace.training.sweep import _tabulate, read_grid, run_sweep, with_point

from .conftest import SMALL_COMMAND

GRID = {"options.alpha": [0.25, 0.5], "options.beta": [1.0], "seed": [1, 2, 3]}


def settings(**others: Any) -> Settings:
    return Settings(optim=OptimConfig(epochs=2), **others)


def sweep(train: Any, out: Path, on: Any = "here", **others: Any) -> pd.DataFrame:
    out.mkdir(exist_ok=True)
    (out / "grid.yaml").write_text(yaml.safe_dump(GRID, sort_keys=False))
    results = run_sweep(train, settings(**others), out, {"keep": 1}, out / "grid.yaml", on=on)
    assert results == out / "results.csv"
    return pd.read_csv(results, dtype={"options.alpha": str})


def pretend(seen: list[dict[str, Any]]) -> Any:
    """Training whose AUC is alpha, and a thousandth for each seed."""

    def train(settings: Settings, out: Path, *, keep: int) -> Path:
        seen.append({**settings.options, "seed": settings.seed, "out": out.name})
        auc = settings.options["alpha"] + settings.seed / 1000
        out.mkdir(parents=True)
        rows = [(1, auc), (2, auc - 0.1)]
        pd.DataFrame(rows, columns=["epoch", "val_auc"]).to_csv(out / "metrics.csv", index=False)
        (out / "best.safetensors").touch()
        return out / "best.safetensors"

    return train


def test_every_combination_is_trained_once_and_averaged_over_seeds(tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    table = sweep(pretend(seen), tmp_path)
    assert [s["out"] for s in seen[:2]] == [
        "alpha=0.25,beta=1.0,seed=1",
        "alpha=0.25,beta=1.0,seed=2",
    ]
    assert len(seen) == 6
    assert table.columns.tolist() == [
        *("options.alpha", "options.beta", "runs", "val_auc", "low", "high")
    ]
    assert table["options.alpha"].tolist() == ["0.25", "0.5"]
    np.testing.assert_allclose(table.val_auc, [0.252, 0.502])
    reach = stats.sem([1, 2, 3]) * stats.t.ppf(0.975, 2) / 1000
    np.testing.assert_allclose(table.high - table.val_auc, reach)
    np.testing.assert_allclose(table.val_auc - table.low, reach)


def test_a_stopped_sweep_goes_on_where_it_was(tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    whole = pretend(seen)

    def stopped(*arguments: Any, **fixed: Any) -> Path:
        if len(seen) == 4:
            raise SystemExit(0)
        return whole(*arguments, **fixed)

    with pytest.raises(SystemExit):
        sweep(stopped, tmp_path)
    assert pd.read_csv(tmp_path / "results.csv").runs.tolist() == [3, 1]
    table = sweep(whole, tmp_path)
    assert len(seen) == 6
    assert table.runs.tolist() == [3, 3]
    assert len({s["out"] for s in seen}) == 6


def test_a_grid_reaches_into_settings() -> None:
    base = settings()
    point = {"optim.lr": 0.5, "data.batch_size": 8, "options.alpha": 0.1, "detector": "other"}
    changed = with_point(base, point)
    assert changed.optim == OptimConfig(epochs=2, lr=0.5)
    assert changed.data.batch_size == 8
    assert (changed.options, changed.detector) == ({"alpha": 0.1}, "other")
    assert base.optim.lr == 1e-4
    with pytest.raises(ValueError, match=r"no setting 'optim\.rate'; known are epochs, lr"):
        with_point(base, {"optim.rate": 1})
    with pytest.raises(ValueError, match="cannot vary 'out'"):
        with_point(base, {"out": "x"})
    with pytest.raises(ValueError, match="cannot vary 'manifest'"):
        with_point(base, {"manifest": "x"})


def test_runs_of_many_processes_are_not_swept(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one process each"):
        sweep(pretend([]), tmp_path, hardware=HardwareConfig(devices=2))


@pytest.mark.parametrize("text", ["seed: 3", "- 1", "seed: []", "", "a:\tb"])
def test_what_is_no_grid_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "grid.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"grid\.yaml: expected settings with a list"):
        read_grid(tmp_path / "grid.yaml")


def test_ray_runs_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in with Ray's calls, which works off its tasks in reverse."""
    asked: list[dict[str, Any]] = []

    def remote(**resources: Any) -> Any:
        asked.append(resources)
        return lambda function: SimpleNamespace(
            remote=lambda *arguments, **fixed: lambda: function(*arguments, **fixed)
        )

    ray = SimpleNamespace(
        is_initialized=lambda: True,
        cluster_resources=lambda: {"CPU": 4.0},
        remote=remote,
        wait=lambda waiting: (waiting[-1:], waiting[:-1]),
        get=lambda done: [task() for task in done],
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    seen: list[dict[str, Any]] = []
    table = sweep(pretend(seen), tmp_path, on="ray")
    assert [s["seed"] for s in seen] == [3, 2, 1, 3, 2, 1]
    assert table.runs.tolist() == [3, 3]
    assert asked == [{"num_cpus": 1, "num_gpus": 0, "max_retries": 2}]
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match="Ray is not installed"):
        sweep(pretend(seen), tmp_path / "other", on="ray")


def test_the_command_sweeps_and_compares(
    crops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "grid.yaml").write_text("options.drop_rate: [0.25, 0.5]\nseed: [1, 2]\n")
    command = [
        *("train", "--manifest", str(crops), "--out", str(tmp_path / "sweep")),
        *(*SMALL_COMMAND, "--sweep", str(tmp_path / "grid.yaml")),
        *("--data.image_size", "32", "--data.batch_size", "6", "--optim.epochs", "1"),
    ]
    assert main(command) == 0
    assert len(list((tmp_path / "sweep").glob("*/best.safetensors"))) == 4
    assert "options.drop_rate" in capsys.readouterr().out
    assert pd.read_csv(tmp_path / "sweep" / "results.csv").runs.tolist() == [2, 2]
    plot = tmp_path / "runs.png"
    assert main(["runs", str(tmp_path / "sweep"), "--csv", "--plot", str(plot)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("run,options.drop_rate,seed,epochs,best,val_auc,val_log_loss,loss")
    assert lines[1].startswith('"drop_rate=0.25,seed=1",0.25,1,1/1,1,')
    assert len(lines) == 5
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert main(["runs", str(tmp_path / "nowhere")]) == 2
    assert "no run with a finished epoch" in capsys.readouterr().err


def test_seeds_alone_are_averaged_and_one_seed_has_no_interval(tmp_path: Path) -> None:
    folders = {tmp_path / str(seed): {"seed": seed} for seed in (1, 2)}
    assert len(_tabulate(folders)) == 0
    for folder, value in zip(folders, ("0.5\n0.7", "nan\n0.6"), strict=True):
        folder.mkdir()
        (folder / "metrics.csv").write_text(f"val_auc\n{value}\n")
    [row] = _tabulate(folders).to_dict("records")
    assert (row["runs"], row["val_auc"]) == (2, pytest.approx(0.65))
    assert row["low"] < 0.65 < row["high"]
    [alone] = _tabulate({tmp_path / "1": {"seed": 1}}).to_dict("records")
    assert (alone["runs"], alone["val_auc"]) == (1, 0.7)
    assert np.isnan(alone["low"])
