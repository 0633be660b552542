import json
import logging
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from telltrace.cli import main
from telltrace.data.manifest import read_manifest, write_manifest
from telltrace.errors import OptionError
from telltrace.jobs.progress import logger
from telltrace.models import create_detector
from telltrace.reproduction import reproduce_table
from telltrace.reproduction.cells import SCALES, Cell, Setup, run_of
from telltrace.reproduction.plan import plan_table
from telltrace.reproduction.results import to_dict, to_markdown, to_text
from telltrace.reproduction.run import run_cell
from telltrace.reproduction.tables import Column, Row, Table, load_table
from telltrace.training.config import ObjectiveConfig

TABLE = Table(
    "try", "A try", "nobody", ("auc", "balanced_accuracy"),
    (Column("within", "ffpp-hq", "ffpp-hq"), Column("to another", "ffpp-hq", "ffpp-lq")),
    (
        Row("Meso", ((90.0, 80.0), ()), "meso4"),
        Row("Twin", ((91.0, 81.0), ()), "meso4", {"drop_rate": 0.1}, twin="Meso"),
        Row("Quoted", ((70.0, 60.0), ())),
    ),
)  # fmt: skip

TINY: dict[str, Any] = {"scale": "tiny", "seeds": (7, 8), "device": "cpu"}


class Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture(scope="module")
def ran(
    prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[Cell], list[str]]:
    """The table, run once with two seeds."""
    out, log = tmp_path_factory.mktemp("runs"), Log()
    logger.setLevel(logging.INFO)
    logger.addHandler(log)
    found = reproduce_table(TABLE, Setup(data=prepared, out=out, **TINY))
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(log)
    return out, found, log.lines


def test_every_cell_has_figures_or_the_reason_why_not(
    ran: tuple[Path, list[Cell], list[str]],
) -> None:
    _, found, _ = ran
    assert [bool(r.figures) for r in found] == [True, True, True, True, False, False]
    assert found[-1].reason.startswith("quoted from its authors")
    figure = found[0].figures["auc"]
    assert (figure.reals, figure.fakes, len(figure.seeds)) == (2, 4, 2)
    assert figure.low <= figure.value <= figure.high
    assert figure.value == pytest.approx(np.mean(figure.seeds))


def test_columns_share_a_training_and_nothing_is_done_twice(
    ran: tuple[Path, list[Cell], list[str]], prepared: Path
) -> None:
    out, found, told = ran
    assert sum(text.startswith("trained") for text in told) == 4
    assert sum(text.startswith("judged") for text in told) == 8
    files = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert reproduce_table(TABLE, Setup(data=prepared, out=out, **TINY)) == found
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == files
    assert not list(out.rglob("last*.safetensors"))


def test_showing_runs_nothing(
    ran: tuple[Path, list[Cell], list[str]], prepared: Path, tmp_path: Path
) -> None:
    nothing = reproduce_table(TABLE, Setup(data=prepared, out=tmp_path, scale="tiny", show=True))
    assert {r.reason for r in nothing[:4]} == {"not run yet"}
    assert not list(tmp_path.iterdir())
    files = set(ran[0].rglob("*"))
    seen = Setup(data=prepared, out=ran[0], scale="tiny", seeds=(7, 9), show=True)
    some = reproduce_table(TABLE, seen)
    assert set(ran[0].rglob("*")) == files
    assert [len(r.figures["auc"].seeds) for r in some[:4]] == [1, 1, 1, 1]


def test_a_twin_is_compared_on_the_same_draws(
    ran: tuple[Path, list[Cell], list[str]],
) -> None:
    _, found, _ = ran
    first = found[0].figures["auc"]
    assert first.minus(first) == (0.0, 0.0, 0.0)
    gap, low, high = found[2].figures["auc"].minus(first)
    assert gap == pytest.approx(found[2].figures["auc"].value - first.value)
    assert low <= high


def test_figures_stand_beside_the_published_ones(
    ran: tuple[Path, list[Cell], list[str]],
) -> None:
    _, found, _ = ran
    text = to_text(TABLE, found, "a try")
    value = found[0].figures["auc"].value
    assert "90.00" in text
    assert f"{100 * value:.1f} [" in text
    assert "6 videos (2 real, 4 fake)" in text
    assert "Against their twins" in text
    markdown = to_markdown(TABLE, found, "a try")
    cells = [[x.strip() for x in line.split("|")[1:-1]] for line in markdown.splitlines()]
    assert sum(line[:2] == ["Meso", "90.00"] for line in cells) == 1
    assert sum(line[:2] == ["Meso", "80.00"] for line in cells) == 1
    within = [f"within: {part}" for part in ("published", "ours [95 %]", "against its twin")]
    assert sum(line[:4] == ["AUC", *within] for line in cells) == 1
    assert not any(line[:1] == ["Quoted"] for line in cells)
    assert "| AUC" not in to_markdown(TABLE, [replace(c, figures={}) for c in found], "a try")
    values = json.loads(json.dumps(to_dict(TABLE, found, "a try")))
    assert values["cells"][0]["published"] == {"auc": 90.0, "balanced_accuracy": 80.0}
    assert values["cells"][1]["published"] == {"auc": None, "balanced_accuracy": None}
    assert values["cells"][0]["ours"]["auc"]["videos"] == {"real": 2, "fake": 4}


def test_an_interval_without_width_is_none(ran: tuple[Path, list[Cell], list[str]]) -> None:
    _, found, _ = ran
    flat = replace(found[0].figures["auc"], value=0.5, low=0.5, high=0.5)
    text = to_text(TABLE, [replace(found[0], figures={"auc": flat})], "a try")
    assert "50.0 [n/a]" in text
    assert "one verdict for all faces" in text


def test_what_is_missing_is_said_with_what_makes_it(prepared: Path) -> None:
    cells = plan_table(load_table("sficonv-6"), Setup(data=prepared, rows=["M2TR"]))
    missing = {cell.column.name: cell.reason for cell in cells}
    assert missing["HQ to LQ"] == ""
    assert "recipes/data/dfdc.yaml" in missing["HQ to DFDC"]
    with pytest.raises(ValueError, match="No row is named 'x'"):
        plan_table(load_table("sficonv-6"), Setup(data=prepared, rows=["x"]))


def test_a_run_is_another_for_every_other_setting() -> None:
    cell, tiny = plan_table(TABLE, Setup())[0], Setup(scale="tiny")
    base = run_of(TABLE, cell, tiny, 7)
    twin = run_of(TABLE, plan_table(TABLE, Setup())[2], tiny, 7)
    others = [
        replace(base, seed=8), replace(base, scale=SCALES["small"]), replace(base, recipe="luo"),
        replace(base, train_methods=("Deepfakes",)), replace(base, train="ffpp-lq"), twin,
        replace(base, precision="bf16-mixed"),
    ]  # fmt: skip
    assert len({base.name, *(other.name for other in others)}) == 8


@pytest.mark.parametrize("name", ["sficonv-4", "sficonv-5", "sficonv-6", "sficonv-9"])
def test_the_papers_rivals_are_the_networks_that_it_counts(name: str) -> None:
    table = load_table(name)
    millions = {}
    setup = Setup(rows=["F3-Net", "M2TR"], columns=[table.columns[0].name])
    for cell in plan_table(table, setup):
        run = run_of(table, cell, setup, 7)
        with torch.device("meta"):
            network = create_detector(run.detector, **run.options)
        millions[cell.row.name] = sum(p.numel() for p in network.parameters()) / 1e6
    assert millions["F3-Net"] == pytest.approx(21.17, abs=0.005)
    assert millions["M2TR"] == pytest.approx(35.44, abs=0.005)  # Xception's 20.81 M and more


def test_weights_are_given_to_the_rows_that_the_paper_starts_from_them(
    prepared: Path, tmp_path: Path
) -> None:
    table = load_table("luo-methods")
    fresh = "Xception, Two-stream Xception from fresh weights, in the paper from ImageNet's"
    assert fresh in Setup().describe(table, table.rows)
    given = Setup(data=tmp_path, weights=str(tmp_path), columns=["FaceSwap to Deepfakes"])
    shutil.copytree(prepared / "ffpp-hq", tmp_path / "ffpp-luo")
    (tmp_path / "xception.pth").touch()
    cells = plan_table(table, given)
    assert "two_stream_xception.safetensors: no such file of weights" in cells[1].reason
    (tmp_path / "two_stream_xception.pth").touch()
    cells = plan_table(table, given)
    runs = [run_of(table, cell, given, 7) for cell in cells]
    files = [str(tmp_path / name) for name in ("xception.pth", "two_stream_xception.pth")]
    assert [run.options.get("weights") for run in runs] == files
    assert "ImageNet" not in given.describe(table, table.rows)
    name = runs[1].name
    (tmp_path / "moved").mkdir()
    (tmp_path / "two_stream_xception.pth").rename(tmp_path / "moved" / "two_stream_xception.pth")
    moved = replace(given, weights=str(tmp_path / "moved"))
    assert run_of(table, cells[1], moved, 7).name == name
    (tmp_path / "moved" / "two_stream_xception.pth").write_bytes(b"other")
    assert run_of(table, cells[1], moved, 7).name != name


def test_a_failure_is_the_exit_code_and_differences_are_told(
    prepared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[dict[str, Any]] = []

    def break_down(**options: Any) -> None:
        asked.append(options)
        raise OptionError("broken")

    monkeypatch.setattr("telltrace.reproduction.run.train", break_down)
    place = ["--data", str(prepared), "--out", str(tmp_path), "--device", "cpu"]
    only = ["--rows", "Meso-Incep", "--columns", "FF++ HQ", "--workers", "3"]
    assert main(["reproduce", "sficonv-5", *place, *only]) == 1
    told = "Ours: the paper's settings but for: a tenth of the training people validates where"
    assert told in capsys.readouterr().out
    assert main(["reproduce", "sficonv-5", *place, *only, "--precision", "bf16-mixed"]) == 1
    assert "; computed in bf16-mixed, the paper in float32; 1 seed" in capsys.readouterr().out
    assert [options["precision"] for options in asked] == ["32-true", "bf16-mixed"]
    assert asked[0]["data"].workers == 3


def test_a_cell_that_breaks_is_named_and_the_others_go_on(prepared: Path, tmp_path: Path) -> None:
    rows = (Row("Broken", ((), ()), "meso4", {"drop_rate": 7}), TABLE.rows[0])
    table = replace(TABLE, rows=rows, columns=TABLE.columns[:1])
    setup = Setup(data=prepared, out=tmp_path, scale="tiny", device="cpu")
    found = reproduce_table(table, setup)
    assert found[0].reason.startswith("failed: ")
    assert found[1].figures


def test_the_command_lists_plans_and_shows(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = (
        "import sys; from telltrace.cli.scores import reproduce; reproduce('list')\n"
        "print('torch' in sys.modules, 'pandas' in sys.modules)"
    )
    listed = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert "sficonv-2" in listed.stdout
    assert listed.stdout.splitlines()[-1] == "False False"
    assert main(["reproduce", "sficonv-5", "--data", str(prepared), "--plan"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11 * 4
    assert sum("can be run" in line for line in lines) == 22
    place = ["--data", str(prepared), "--out", str(tmp_path)]
    few = ["--scale", "tiny", "--rows", "Meso-Incep", "--columns", "FF++ HQ"]
    assert main(["reproduce", "sficonv-5", *place, "--hours", *few]) == 0
    assert capsys.readouterr().out.split()[::2] == ["Meso-Incep", "h"]
    assert main(["reproduce", "sficonv-5", *place, "--show", "--rows", "M2TR"]) == 0
    assert "not run yet" in capsys.readouterr().out
    assert (tmp_path / "sficonv-5.md").is_file()


def test_an_ablation_trains_with_its_own_objective(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = load_table("ba-ablation")
    setup = Setup(data=prepared, out=tmp_path, scale="tiny", columns=("FF++ HQ",), device="cpu")
    given: list[dict[str, Any]] = []

    def refuse(**how: Any) -> None:
        given.append(how)
        raise ValueError("not trained here")

    monkeypatch.setattr("telltrace.reproduction.run.train", refuse)
    for cell in plan_table(table, setup):
        assert run_cell(table, cell, setup).reason == "failed: not trained here"
    found = {row.name: how for row, how in zip(table.rows, given, strict=True)}
    assert found["Neither"]["objective"] == ObjectiveConfig(use_local=False, use_global=False)
    assert found["Losses as released"]["objective"].reference_compatible
    assert found["Fixed balance 1, 2, 10"]["objective"].scales == (1.0, 2.0, 10.0)
    assert found["Two blocks"]["options"]["num_blocks"] == 2
    assert len({how["out"] for how in given}) == len(table.rows)


def test_people_on_both_sides_are_refused_unless_they_are_asked_for(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ffpp-hq"
    shutil.copytree(prepared / "ffpp-hq", folder)
    rows = read_manifest(folder / "manifest.csv")
    write_manifest(rows.assign(identity="0"), folder / "manifest.csv")

    def refuse(**how: Any) -> None:
        raise ValueError("not trained here")

    monkeypatch.setattr("telltrace.reproduction.run.train", refuse)
    setup = Setup(data=tmp_path, out=tmp_path / "out", scale="tiny", rows=("Meso",), device="cpu")
    refused = reproduce_table(TABLE, setup)
    assert refused[0].reason.startswith("failed: Identity '0' is in")
    assert refused == plan_table(TABLE, setup)
    shared = replace(setup, shared_people=True)
    assert reproduce_table(TABLE, shared)[0].reason == "failed: not trained here"
    assert "people of the test may have been learnt from" in shared.describe(TABLE, TABLE.rows)
