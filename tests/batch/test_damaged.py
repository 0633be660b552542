"""A small part of benchmarks/scan_fuzz.py, which judges 2,000 such files."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from telltrace.batch import batch_scan
from telltrace.batch.pages import file_name


@pytest.fixture(scope="module")
def material() -> ModuleType:
    file = Path(__file__).parents[2] / "benchmarks" / "scan_material.py"
    spec = importlib.util.spec_from_file_location("scan_material", file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sixty_damaged_files_get_sixty_statuses(material: ModuleType, tmp_path: Path) -> None:
    made = material.make_corpus(tmp_path / "in", 60, seed=1)
    out, options = tmp_path / "out", {"sample": "spread", "frames": 2, "time_limit": 60}
    done = batch_scan([str(tmp_path / "in")], out, device="cpu", workers=2, **options)
    verdicts = [json.loads(line) for line in (out / "verdicts.jsonl").read_text().splitlines()]
    assert sorted(verdict["path"] for verdict in verdicts) == sorted(map(str, made))
    assert done.summary["lost"] == {}
    for verdict in verdicts:
        judged = verdict["verdict"] is not None
        assert judged == (verdict["score"] is not None)
        assert judged or (verdict["reason"] and verdict["remedy"]), verdict
    assert any(verdict["verdict"] for verdict in verdicts)


def test_the_same_seed_makes_the_same_files(material: ModuleType, tmp_path: Path) -> None:
    first, second = (material.make_corpus(tmp_path / name, 12, seed=2) for name in "ab")
    regular = [(a, b) for a, b in zip(first, second, strict=True) if a.is_file()]
    assert len(regular) >= 10
    assert all(a.read_bytes() == b.read_bytes() for a, b in regular)


def test_names_of_pages_are_text_and_short_enough() -> None:
    odd: Any
    long: Any
    odd, long = (SimpleNamespace(path=Path(name)) for name in ("b\udcff.jpg", f"{'ä' * 120}.jpg"))
    assert file_name(3, odd, ".png") == "0003_b.png"
    assert file_name(4, long, ".html") == f"0004_{'ä' * 100}.html"
