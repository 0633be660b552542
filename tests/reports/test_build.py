import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from telltrace import cli
from telltrace.cli.scores import report as command
from telltrace.evaluation import COLUMNS, evaluate, write_scores
from telltrace.reports import Source, build_report, read_source
from telltrace.reports.build import plain_summary
from telltrace.reports.charts import worst_mistakes
from telltrace.robustness import summarise

BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")


def table(skill: float = 1.0, folder: Path = Path("x"), videos: int = 8) -> pd.DataFrame:
    """Reals and two methods, eight videos each, three frames a video."""
    rng, rows = np.random.default_rng(0), []
    for method in ("real", "easy", "hard"):
        for video in range(videos):
            for frame in range(3):
                fake = int(method != "real")
                push = skill * {"real": -1.0, "easy": 2.0, "hard": 0.3}[method]
                score = 1 / (1 + np.exp(-rng.normal(push, 1)))
                path = str(folder / f"{method}_{video}_{frame}.png")
                name = f"{video:03}"
                key = (path, "d", fake, method, "c23", name, f"{method}{name}", "test")
                rows.append((*key, frame, frame / 25, score))
    return pd.DataFrame(rows, columns=COLUMNS)


class Reader(HTMLParser):
    """What a page holds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.headings: list[str] = []
        self.pictures = self.drawings = 0
        self._in_heading = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        self.pictures += tag == "img"
        self.drawings += tag == "svg"
        self._in_heading = tag == "h2"

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.headings.append(data)
            self._in_heading = False


def test_a_report_has_its_sections_and_loads_nothing() -> None:
    text = build_report([Source("a run", table(), {"recipe": "r <1>"})])
    page = Reader(text)
    assert page.headings == [
        "In plain words", "Figures", "By method", "Curves", "Protocol", "Provenance",
    ]  # fmt: skip
    assert (page.pictures, page.drawings) == (0, 4)
    assert all(link.startswith("#") for link in page.links)
    assert not re.search(r"https?://|<script|@import", text)
    assert "r &lt;1&gt;" in text


def test_figures_are_those_of_the_evaluation() -> None:
    scores = table()
    text = build_report([Source("a", scores)])
    frames = evaluate(scores).overall.frames
    value, interval = frames.metrics["auc"].value, frames.interval
    assert interval is not None
    assert f"{value:.4f} [{interval.low:.3f}, {interval.high:.3f}]" in text


def test_the_same_scores_give_the_same_bytes() -> None:
    assert build_report([Source("a", table())]) == build_report([Source("a", table())])


def test_several_detectors_stand_side_by_side() -> None:
    page = Reader(build_report([Source("good", table(2.0)), Source("bad", table(0.0))]))
    assert page.headings[0] == "Side by side"
    assert {"good: Figures", "bad: Figures"} <= set(page.headings)


def test_words_say_what_the_figures_mean() -> None:
    good, bad = (" ".join(plain_summary(evaluate(table(s)))) for s in (0.4, 0.0))
    assert "better than guessing" in good
    assert "sees easy best" in good
    assert "cannot be told from guessing: do not rely on this detector" in bad
    perfect = plain_summary(evaluate(table(9.0).assign(score=lambda t: t.label * 1.0)))
    assert any("does not show that none ever will" in text for text in perfect)
    assert not any("best" in text for text in perfect)
    flipped = table(0.4).assign(score=lambda t: 1 - t.score)
    assert "worse than guessing" in " ".join(plain_summary(evaluate(flipped)))
    reals = table()[lambda t: t.label == 0]
    said = plain_summary(evaluate(reals))
    assert said[-1].startswith("How well it separates cannot be said: needs both classes")


def test_one_class_or_unjudged_frames_do_not_break_a_report() -> None:
    reals = table()[lambda t: t.label == 0]
    assert "needs both classes" in build_report([Source("reals", reals)])
    gaps = table()
    gaps.loc[gaps.index % 2 == 0, "score"] = np.nan
    assert "could not be judged" in build_report([Source("gaps", gaps)])


def test_mistakes_are_the_worst_of_each_video() -> None:
    scores = table(0.5)
    reals = worst_mistakes(scores, 0, 3)
    assert reals.video.is_unique
    of_real = scores[scores.label == 0]
    assert reals.score.iloc[0] == of_real.score.max()
    assert worst_mistakes(scores, 1, 1).score.iloc[0] == scores[scores.label == 1].score.min()


def test_faces_are_shown_only_when_asked_for(tmp_path: Path) -> None:
    scores = table(0.5, tmp_path)
    for path in scores.path[scores.label == 0]:
        Image.fromarray(np.full((40, 40, 3), 90, np.uint8)).save(path)
    assert Reader(build_report([Source("a", scores)])).pictures == 0
    text = build_report([Source("a", scores)], mistakes=2)
    assert Reader(text).pictures == 2
    assert "2 faces are not shown" in text
    assert str(tmp_path) not in text


def test_a_run_and_its_robustness_are_read_from_their_folders(tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_scores(table(), run / "test.csv")
    (run / "recipe.json").write_text(json.dumps({"detector": "meso4", "seed": 7}))
    pd.DataFrame({"epoch": [1, 2], "loss": [0.7, 0.6], "val_auc": [0.5, 0.6]}).to_csv(
        run / "metrics.csv", index=False
    )
    (source,) = read_source(run)
    assert source.origin["recipe: detector"] == "meso4"
    assert "Training" in Reader(build_report([source])).headings
    out = tmp_path / "robustness"
    write_scores(table(), out / "scores" / "clean.csv")
    from telltrace.checkpoint import Calibration

    found = summarise(table(), [("blur", 1, table(0.5))], Calibration())
    (out / "robustness.json").write_text(json.dumps(found.to_dict()))
    (out / "plan.json").write_text(json.dumps({"detector": "meso4", "weights": "0"}))
    (source,) = read_source(out)
    assert source.robustness == found
    assert "Robustness" in Reader(build_report([source])).headings


def test_tables_of_label_and_score_are_found_in_a_folder(tmp_path: Path) -> None:
    columns = ["label", "score"]
    table()[columns].to_csv(tmp_path / "a.csv", index=False)
    pytest.importorskip("pyarrow")
    table()[columns].to_parquet(tmp_path / "b.parquet")
    (tmp_path / "metrics.csv").write_text("epoch,loss\n1,0.5\n")
    first, second = read_source(tmp_path)
    assert (first.name, second.name) == (f"{tmp_path.name}, a", f"{tmp_path.name}, b")
    pd.testing.assert_frame_equal(first.scores, second.scores)


def test_commands_read_the_columns_of_other_tools(tmp_path: Path, capsys) -> None:
    theirs = table().rename(columns={"video": "clip", "score": "prob_fake"})
    theirs.to_csv(tmp_path / "theirs.csv", index=False)
    out, names = tmp_path / "report.html", ["--columns", "video=clip,score=prob_fake"]
    assert cli.main(["report", str(tmp_path), "--out", str(out), *names]) == 0
    assert Reader(out.read_text()).drawings == 4
    capsys.readouterr()
    assert cli.main(["evaluate", str(tmp_path / "theirs.csv"), "--json", *names]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == json.loads(json.dumps(evaluate(table()).to_dict()))


def test_what_is_no_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file or folder"):
        read_source(tmp_path / "none")
    with pytest.raises(ValueError, match="holds no scores table"):
        read_source(tmp_path)
    with pytest.raises(ValueError, match="at least one"):
        build_report([])


def test_a_browser_shows_the_page_or_a_parser_reads_it(tmp_path: Path) -> None:
    write_scores(table(), tmp_path / "scores.csv")
    out = tmp_path / "report.html"
    assert command([tmp_path / "scores.csv"], out=out) == 0
    if BROWSER is None:  # where there is none, the page must at least be whole
        assert Reader(out.read_text()).drawings == 4
        return
    picture = tmp_path / "page.png"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
    size = ["--hide-scrollbars", "--window-size=900,3600"]
    done = subprocess.run(
        [BROWSER, *options, *size, f"--screenshot={picture}", out.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr  # neither an error nor something the policy refused
    with Image.open(picture) as shown:
        pixels = np.asarray(shown.convert("L")).astype(float)
    rows = pixels.std(axis=1) > 5
    assert rows[:400].any()
    assert rows[1500:].mean() > 0.2
