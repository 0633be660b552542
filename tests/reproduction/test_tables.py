from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from telltrace.cli import main
from telltrace.files.plain import from_plain
from telltrace.models import create_detector
from telltrace.models.registry import DETECTORS, default_options
from telltrace.reproduction.cells import SCALES, Cell, Setup, run_of, settings
from telltrace.reproduction.plan import PREPARE
from telltrace.reproduction.results import cost_lines
from telltrace.reproduction.tables import SHOWN, Column, Row, load_table, table_names
from telltrace.training.config import DataConfig, ObjectiveConfig, OptimConfig

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", table_names())
def test_every_row_has_a_figure_or_a_gap_for_every_cell_and_a_detector_that_exists(
    name: str,
) -> None:
    table = load_table(name)
    names = [row.name for row in table.rows]
    assert len(set(names)) == len(names)
    for row in table.rows:
        assert len(row.published) == len(table.columns)
        for cell in row.published:
            assert len(cell) in (0, len(table.metrics))
            assert all(20 < value < 100 for value in cell)
        assert row.twin is None or row.twin in names
        settings(row.recipe or table.recipe, SCALES["paper"])
        if row.detector in DETECTORS:
            known = default_options(row.detector)
            assert set(row.options) <= set(known)
            from_plain(ObjectiveConfig, row.objective)
        else:
            assert row.detector is None or row.detector.startswith("timm:")
    assert set(table.metrics) <= set(SHOWN)
    assert {data for c in table.columns for data in (c.train, c.test)} <= set(PREPARE)


def test_tables_two_to_nine_and_those_of_the_other_two_papers_are_there() -> None:
    names = table_names()
    assert {f"sficonv-{n}" for n in range(2, 10)} <= set(names)
    assert any(name.startswith("luo") for name in names)
    assert any(name.startswith("ba") for name in names)


@pytest.mark.parametrize(
    ("table", "row", "column", "published"),
    [
        ("sficonv-2", "SFIC-ResNet26 (0.25, 0.75)", 1, (90.92, 84.43)),
        ("sficonv-3", "SFIC-VGGNet19", 0, (97.41, 93.31)),
        ("sficonv-4", "AMTENnet", 2, (51.01, 48.09)),
        ("sficonv-5", "SFIC-VGGNet13 (0.50, 1.00)", 3, (95.90, 89.41)),
        ("sficonv-6", "SFIC-ResNet26 (0.50, 1.00)", 5, (90.71, 80.39)),
        ("sficonv-7", "SFIC-ResNet50 (0.25, 1.00)", 0, (68.90, 61.98)),
        ("sficonv-8", "VGGNet19", 0, (60.75, 56.16)),
        ("sficonv-9", "DCL", 0, (81.0,)),
    ],
)
def test_figures_are_those_of_the_paper(
    table: str, row: str, column: int, published: tuple[float, ...]
) -> None:
    (found,) = (r for r in load_table(table).rows if r.name == row)
    assert found.published[column] == published


def test_tables_that_repeat_a_figure_agree() -> None:
    second, third, fifth = ({r.name: r for r in load_table(f"sficonv-{n}").rows} for n in (2, 3, 5))
    assert second["ResNet26"].published == third["ResNet26"].published
    for name in ("SFIC-ResNet26 (0.25, 1.00)", "SFIC-ResNet26 (0.50, 1.00)"):
        assert second[name].published == fifth[name].published[2:]
    assert third["SFIC-VGGNet13"].published == fifth["SFIC-VGGNet13 (0.50, 1.00)"].published[2:]


def test_leaving_one_manipulation_out_leaves_it_out() -> None:
    for column in load_table("sficonv-4").columns:
        assert len(column.train_methods) == 3
        assert len(column.test_methods) == 1
        assert not set(column.train_methods) & set(column.test_methods)


def test_a_scale_changes_what_it_names_and_nothing_else() -> None:
    paper, tiny = (settings("sficonv", SCALES[name]) for name in ("paper", "tiny"))
    assert (paper[0].image_size, paper[0].batch_size, paper[1].epochs) == (256, 64, 20)
    assert (paper[1].lr, paper[1].schedule) == (1e-4, "halve")
    assert tiny[0].augmentation == paper[0].augmentation
    assert tiny[0].image_size == 64


@pytest.mark.parametrize(
    ("detector", "options"),
    [("f3net", {"image_size": 64}), ("resnet26", {}), ("timm:resnet34", {})],
)
def test_a_detector_for_one_size_is_told_the_scale_s(detector: str, options: object) -> None:
    cell = Cell(Row(detector, (), detector), Column("all", "ffpp-hq", "dfdc"))
    assert run_of(load_table("sficonv-2"), cell, Setup(scale="tiny"), 7).options == options


@pytest.mark.parametrize("scale", ["tiny", "small", "laptop", "paper"])
def test_networks_of_one_size_can_be_built_at_every_scale(scale: Any) -> None:
    built = set()
    for table in map(load_table, table_names()):
        for row in (row for row in table.rows if row.detector):
            run = run_of(table, Cell(row, table.columns[0]), Setup(scale=scale), 7)
            if "image_size" in run.options and run.name not in built:
                built.add(run.name)
                with torch.device("meta"):
                    create_detector(run.detector, **run.options)
    assert len(built) > 5


def test_a_network_of_certain_sizes_gets_the_next_one() -> None:
    table = load_table("sficonv-5")
    (row,) = (row for row in table.rows if row.name == "M2TR")
    run = run_of(table, Cell(row, table.columns[0]), Setup(scale="laptop"), 7)
    assert (run.scale.image_size, run.options["image_size"]) == (128, 128)
    assert "M2TR at 128 pixels" in Setup(scale="laptop").describe(table, table.rows)
    assert "M2TR at" not in Setup(scale="tiny").describe(table, table.rows)


def test_recipes_of_the_tables_are_those_of_the_files() -> None:
    files = {"sficonv": "resnet26", "f3net": "f3net_fad", "luo": "two_stream_xception"}
    for name, file in {**files, "ba-released": "ib_resnet34"}.items():
        kept = yaml.safe_load((ROOT / f"recipes/{file}_ffpp_c23.yaml").read_text())
        ours = settings(name, SCALES["paper"])
        assert from_plain(DataConfig, kept["data"]) == ours[0]
        assert from_plain(OptimConfig, kept["optim"]) == ours[1]


def test_a_table_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"No table is named 'x'\. There are ba-ablation, .*"):
        load_table("x")


@pytest.mark.parametrize(("name", "command"), PREPARE.items())
def test_each_data_set_is_made_by_a_call_that_is_understood(
    name: str, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as end:
        main([*command.split()[1:], "--print_config"])
    assert end.value.code == 0
    assert f"out: crops/{name}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("table", "marked"),
    [
        ("sficonv-3", {"SFIC-MobileNet": ["768 M", "763 M*", "748 M"]}),
        ("sficonv-5", {
            "Multi-task": ["146 M", "131 M*", "127 M"],
            "AMTENnet": ["575 M", "520 M*", "512 M"],
            "F3-Net": ["8.49 G", "8.48 G*", "9.21 G"],
        }),
    ],
)  # fmt: skip
def test_costs_are_the_published_ones_or_marked_and_explained(
    table: str, marked: dict[str, list[str]]
) -> None:
    found = load_table(table)
    lines = {
        line[0]: line[1:]
        for line in cost_lines(found, [Cell(row, found.columns[0]) for row in found.rows])
    }
    assert set(lines) == {row.name for row in found.rows}
    assert {name for name, line in lines.items() if "*" in line[3]} == set(marked)
    assert {name for name, line in lines.items() if "*" in line[1]} <= {"AMTENnet"}
    for name, line in marked.items():
        assert lines[name][2:] == line
        assert any(note.startswith(f"* {name}: ") for note in found.notes)
