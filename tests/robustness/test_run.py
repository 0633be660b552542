import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from skimage import data

from telltrace.checkpoint import Detector
from telltrace.cli.scores import robustness as command
from telltrace.data.manifest import write_manifest
from telltrace.evaluation import read_scores
from telltrace.inference import scanner, scoring  # noqa: F401  before load_detector is replaced
from telltrace.robustness import measure_robustness
from telltrace.robustness.run import scores_path

FEW = ("jpeg", "h264", "noise")


def test_the_same_faces_are_judged_clean_and_corrupted(
    judge: Detector, stripes: Path, tmp_path: Path
) -> None:
    found = measure_robustness(judge, stripes, tmp_path, corruptions=FEW, frames=2)
    assert len(found.cells) == 1 + 3 * 5
    assert (found.clean.faces, found.videos, found.reals) == (12, 6, 3)
    clean = read_scores(tmp_path / "scores" / "clean.csv")
    for cell in found.cells[1:]:
        table = read_scores(scores_path(tmp_path, cell.corruption, cell.level))
        assert table.drop(columns="score").equals(clean.drop(columns="score"))
        assert (cell.faces, cell.lost) == (12, 0)
        assert cell.shift == pytest.approx((table.score - clean.score).mean())
    assert found.clean.flips == 0
    assert (tmp_path / "robustness.json").is_file()


def test_a_killed_run_goes_on_and_judges_nothing_twice(
    judge: Detector, stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = measure_robustness(judge, stripes, tmp_path / "whole", corruptions=FEW, levels=[2, 4])
    score, calls = judge.judge_resized, itertools.count(1)

    def stop(images: Any) -> Any:
        if next(calls) == 20:
            raise KeyboardInterrupt
        return score(images)

    part = tmp_path / "part"
    with monkeypatch.context() as patch:
        patch.setattr(judge, "judge_resized", stop)
        with pytest.raises(KeyboardInterrupt):
            measure_robustness(judge, stripes, part, corruptions=FEW, levels=[2, 4])
    done = {path.stem: path.stat().st_mtime_ns for path in (part / "scores").glob("*.csv")}
    assert set(done) == {"clean", "jpeg-2", "jpeg-4"}
    resumed = measure_robustness(judge, stripes, part, corruptions=FEW, levels=[2, 4])
    for name, time in done.items():
        assert (part / "scores" / f"{name}.csv").stat().st_mtime_ns == time
    assert resumed == whole
    for path in (tmp_path / "whole" / "scores").glob("*.csv"):
        other = tmp_path / "part" / "scores" / path.name
        assert other.read_bytes() == path.read_bytes()


def test_chance_does_not_hang_on_where_the_crops_lie(
    judge: Detector, write_stripes: Callable[[Path], Path], tmp_path: Path
) -> None:
    first = write_stripes(tmp_path / "here")
    shutil.copytree(tmp_path / "here", tmp_path / "elsewhere")
    found = [
        measure_robustness(judge, manifest, tmp_path / name, corruptions=["noise"], levels=[5])
        for name, manifest in (("a", first), ("b", tmp_path / "elsewhere" / "manifest.csv"))
    ]
    assert found[0] == found[1]
    other = measure_robustness(
        judge, first, tmp_path / "c", corruptions=["noise"], levels=[5], seed=1
    )
    assert other.cells[1].shift != found[0].cells[1].shift


def test_results_of_other_settings_are_not_mixed(
    judge: Detector, stripes: Path, tmp_path: Path
) -> None:
    measure_robustness(judge, stripes, tmp_path, corruptions=["blur"], levels=[1])
    with pytest.raises(ValueError, match=r"holds results of other settings \(seed 0, now 1\)"):
        measure_robustness(judge, stripes, tmp_path, corruptions=["blur"], levels=[1], seed=1)
    more = measure_robustness(judge, stripes, tmp_path, corruptions=["blur"], levels=[1, 2])
    assert len(more.cells) == 3


def test_crops_that_were_cut_otherwise_are_refused(
    judge: Detector, write_stripes: Callable[[Path], Path], tmp_path: Path
) -> None:
    manifest = write_stripes(tmp_path)
    about = manifest.with_name("prepare.json")
    about.write_text(about.read_text().replace('"box"', '"similarity"'))
    with pytest.raises(ValueError, match="the detector wants"):
        measure_robustness(judge, manifest, tmp_path / "out")


def test_whole_media_are_coded_again_and_their_faces_cut_anew(
    judge: Detector, write_clip: Callable[..., Path], tmp_path: Path
) -> None:
    face = np.asarray(data.astronaut())
    frames = [np.ascontiguousarray(face[:240, 100 - i : 340 - i]) for i in range(10)]
    clip = write_clip(tmp_path / "clip.mp4", frames)
    rows = [{"path": str(clip), "label": 0, "dataset": "d", "video": "v"}]
    write_manifest(pd.DataFrame(rows), tmp_path / "media.csv")
    found = measure_robustness(
        judge, tmp_path / "media.csv", tmp_path / "out", frames=3, levels=[4],
        corruptions=["h264", "uploaded", "contrast"],
    )  # fmt: skip
    assert [cell.faces for cell in found.cells] == [3, 3, 3, 3]
    assert [cell.lost for cell in found.cells] == [0, 0, 0, 0]
    assert found.clean.auc is None
    assert all(cell.shift != 0 for cell in found.cells[1:])
    assert set(read_scores(tmp_path / "out" / "scores" / "h264-4.csv").path) == {str(clip)}
    assert not list((tmp_path / "out").rglob("*.mkv"))


def test_the_command_prints_a_table_and_draws_curves(
    stripes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], judge: Detector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("telltrace.checkpoint.load_detector", lambda path, device: judge)
    out = tmp_path / "out"
    assert command(Path("default"), stripes, out=out, corruptions=["gamma"], levels=[1, 5]) == 0
    said = capsys.readouterr().out
    assert "level 1" in said
    assert "gamma" in said
    assert "Mean drop of the AUC" in said
    assert (out / "curves.png").stat().st_size > 2000
