"""The audit as a whole: counts, notes, troubles, JSON, the terminal, exit codes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from telltrace.auditing import audit
from telltrace.auditing.media import choose_files, read_rows
from telltrace.auditing.quality import count_rows
from telltrace.auditing.tables import render
from telltrace.cli import main
from telltrace.data.manifest import read_manifest, write_manifest

from .conftest import draw_picture, write_set


def test_a_clean_set_passes(clean_set: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(clean_set), "--workers", "0"]) == 0
    text = capsys.readouterr().out
    assert "Leaks\n  None found." in text
    assert "All files opened could be read." in text
    assert "60 rows of 1 manifest, 60 files (all opened); sides: train, val, test." in text


def test_a_leak_is_exit_code_1_and_in_the_json(
    clean_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = read_manifest(clean_set)
    test = table.index[table.split == "test"][0]
    table.loc[test, "path"] = shutil.copy(table.path[0], str(tmp_path / "copy.png"))
    write_manifest(table, tmp_path / "manifest.csv")
    out = tmp_path / "deep" / "audit.json"
    call = ["audit", str(tmp_path / "manifest.csv"), "--json", "--out", str(out)]
    assert main(call) == 1
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(out.read_text())
    assert found["schema"] == "telltrace-audit/1"
    (leak,) = found["leaks"]
    assert (leak["kind"], leak["first"], leak["second"]) == ("file", "train", "test")
    assert leak["examples"][0]["first"] == table.path[0]
    assert leak["remedy"]
    answers = found["shortcuts"]["answers"]
    assert {a["name"] for a in answers} >= {"size", "JPEG tables", "spectrum"}
    assert all(a["low"] <= a["auc"] <= a["high"] for a in answers if a["auc"] is not None)


def test_counts_are_of_files_videos_and_people(tmp_path: Path) -> None:
    rows = read_rows([write_set(tmp_path, np.random.default_rng(0), people=5)])
    rows.loc[0, "identity"] = "p0+p9"
    counts = {(c.side, c.method): c for c in count_rows(rows)}
    assert len(counts) == 9
    first = counts["train", "real"]
    assert (first.files, first.videos, first.people, first.label) == (3, 3, 4, 0)


def notes_of(table: pd.DataFrame, tmp_path: Path) -> str:
    write_manifest(table, tmp_path / "notes.csv")
    return "\n".join(audit([tmp_path / "notes.csv"], workers=0).notes)


def test_notes_tell_of_one_class_uneven_classes_and_sets_of_one_class(
    clean_set: Path, tmp_path: Path
) -> None:
    table = read_manifest(clean_set)
    assert notes_of(table, tmp_path) == ""
    only = table[(table.split != "val") | (table.label == 0)]
    assert "val: holds reals only" in notes_of(only, tmp_path)
    few = table[(table.label == 1) | (table.index % 9 == 0)]
    assert "fakes for each real" in notes_of(few, tmp_path)
    other = table.copy()
    other.loc[(other.split == "train") & (other.label == 0), "dataset"] = "elsewhere"
    assert "train: the data set 'elsewhere' holds reals only" in notes_of(other, tmp_path)
    assert "the data set 'toy' holds fakes only" in notes_of(other, tmp_path)


def test_a_picture_of_both_labels_is_named(clean_set: Path, tmp_path: Path) -> None:
    table = read_manifest(clean_set)
    table.loc[1, "path"] = shutil.copy(table.path[0], str(tmp_path / "copy.png"))
    assert table.label[:2].tolist() == [0, 1]
    assert "1 picture is listed as real and as fake" in notes_of(table, tmp_path)


def test_missing_unreadable_and_damaged_files_are_listed(clean_set: Path, tmp_path: Path) -> None:
    table = read_manifest(clean_set)
    (tmp_path / "text.png").write_text("no picture")
    Image.fromarray(draw_picture(np.random.default_rng(0), (90, 90))).save(tmp_path / "a.jpg")
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    table.loc[[0, 1, 2], "path"] = [str(tmp_path / n) for n in ("text.png", "cut.jpg", "gone.png")]
    write_manifest(table, tmp_path / "manifest.csv")
    found = audit([tmp_path / "manifest.csv"], workers=0)
    assert [x.kind for x in found.troubles] == ["missing", "unreadable", "damaged"]
    assert [Path(x.path).name for x in found.troubles] == ["gone.png", "text.png", "cut.jpg"]
    assert all(x.reason and x.remedy for x in found.troubles)
    assert "1 file missing:" in render(found)


def test_small_blurred_and_dark_faces_are_counted_by_class(clean_set: Path, tmp_path: Path) -> None:
    table = read_manifest(clean_set)
    rng = np.random.default_rng(0)
    table["box"] = "10 10 110 120"
    table.loc[1, "box"] = "10 10 60 120"
    sharp = rng.integers(0, 256, (120, 120, 3), dtype=np.uint8)
    ramp = np.linspace(0, 255, 120).astype(np.uint8)[:, None]
    for row, image in ((3, sharp // 8), (4, np.broadcast_to(ramp, sharp.shape))):
        Image.fromarray(image).save(tmp_path / f"{row}.png")
        table.loc[row, "path"] = str(tmp_path / f"{row}.png")
    write_manifest(table, tmp_path / "manifest.csv")
    flaws = audit([tmp_path / "manifest.csv"], workers=0).flaws
    found = {(f.flaw, f.label): f for f in flaws}
    assert found["small", 1].examples == (table.path[1],)
    assert (found["small", 1].found, found["small", 1].total, found["small", 0].found) == (1, 40, 0)
    assert found["dark", 0].examples == (table.path[3],)
    assert found["blurred", 1].examples[0] == table.path[4]


def test_large_sets_are_looked_at_evenly(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "path": [f"{v}/{i}.png" for v in range(10) for i in range(30)],
            "label": 0,
            "video": [f"v{v}" for v in range(10) for _ in range(30)],
        }
    )
    write_manifest(table, tmp_path / "manifest.csv")
    rows = read_rows([tmp_path / "manifest.csv"])
    chosen = pd.Series(choose_files(rows, 50))
    assert chosen.str.extract(r"(\d)/\d+\.png$")[0].value_counts().tolist() == [5] * 10
    frames = chosen.str.extract(r"0/(\d+)\.png$")[0].dropna().astype(int)
    assert np.diff(frames[:5]).tolist() == [6] * 4
    assert len(choose_files(rows, 4)) == 4
    assert choose_files(rows, 300) == rows.path.tolist()
    with pytest.raises(ValueError, match="limit must be at least 1, got 0"):
        choose_files(rows, 0)


def test_workers_find_what_one_process_finds(tmp_path: Path) -> None:
    manifest = write_set(tmp_path, np.random.default_rng(0), people=24)
    audits = [audit([manifest], workers=n).to_dict() for n in (0, 1)]
    assert audits[0] == audits[1]


def test_calls_that_make_no_sense_are_refused(clean_set: Path) -> None:
    with pytest.raises(ValueError, match="given twice"):
        read_rows([clean_set, clean_set])
    with pytest.raises(ValueError, match="No manifest"):
        read_rows([])


def test_pictures_of_a_manifest_and_of_blends(
    clean_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crops = tmp_path / "crops"
    shutil.copytree(clean_set.parent, crops)
    settings = {"crop": {"size": 48, "margin": 1.3, "alignment": "box"}}
    (crops / "prepare.json").write_text(json.dumps(settings))
    for what in ("manifest", "blends"):
        out = tmp_path / "drawn" / f"{what}.png"
        call = ["show", what, str(crops / "manifest.csv"), "--out", str(out), "--size", "40"]
        assert main(call) == 0
        with Image.open(out) as picture:
            assert f"{picture.width}x{picture.height}" in capsys.readouterr().out
            assert len(picture.getcolors(2**24)) > 500
        first = out.read_bytes()
        main(call)
        assert out.read_bytes() == first
    assert main(["show", "manifest", str(clean_set), "--out", "sheet.jpg"]) == 2
    assert main(["show", "manifest", str(clean_set), "--out", "s.png", "--split", "no"]) == 2
