"""`telltrace predict` and what judges by scores: figures, curves, pages and published tables."""

import json as jsonlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from telltrace.errors import OptionError


def predict(manifest: list[Path], *, out: Path, checkpoint: Path | None = None, **how: Any) -> int:
    """Score the face crops of a manifest and write the scores table.

    Media of the manifest that gave no face get a row without a score and with a status.

    Args:
        out: Table to write, .csv or .parquet: the manifest's naming columns, frame, label, score.
        checkpoint: Detector to use; by default the one in the package.
    """
    import telltrace
    from telltrace.evaluation.columns import VIDEO_KEY
    from telltrace.evaluation.scores import write_scores
    from telltrace.files import check_table

    check_table(out)
    table = telltrace.predict(manifest, detector=checkpoint, **how)
    write_scores(table, out)
    judged = table[table["score"].notna()]
    print(f"{len(judged)} scores of {judged.groupby(VIDEO_KEY).ngroups} videos -> {out}")
    if missed := len(table) - len(judged):
        print(f"{missed} more gave no face: rows without a score, `status` says why")
    return 0


def evaluate(
    scores: Path,
    *,
    columns: str | None = None,
    against: Path | None = None,
    compat: Literal["deepfakebench"] | None = None,
    roc: Path | None = None,
    reliability: Path | None = None,
    tippett: Path | None = None,
    cross_entropy: Path | None = None,
    matched: bool = False,
    json: bool = False,
    **how: Any,
) -> int:
    """Compute metrics from a scores table, per frame, per video and per method.

    Args:
        scores: Table with `label` and `score`, .csv or .parquet, of any length; or results of
            DeepfakeBench (.pickle, .json, .csv) or deepfake-workbench (.scores.csv).
        columns: Columns that have other names there, such as video=clip,score=prob_fake.
        against: Scores of another detector for the same items, of any of these forms: is one
            better, or is it a tie? Where no rows are the same, videos are compared.
        compat: Print beside ours what this benchmark's metric code would have said, and why.
        roc: Picture to draw the ROC curves to (.png).
        reliability: Picture to draw how often faces of a given score are fake to (.png).
        tippett: Picture to draw how likelihood ratios are spread to (.png).
        cross_entropy: Picture to draw what believing them costs at any prior to (.png).
        matched: Compare fakes with reals of the same data set, compression and size of the face
            only, and say how much of the AUC was the source.
        json: Print JSON instead of tables.
    """
    from telltrace import evaluation as room

    figures = _check_figures(roc_figure=roc, reliability_figure=reliability, tippett_figure=tippett,
                             cross_entropy_figure=cross_entropy)  # fmt: skip
    names = room.parse_columns(columns) if columns else None
    table = room.compact_scores(scores, names, items=against is not None)
    report = room.evaluate(table, **how)
    _draw(table, report, figures)
    compared = room.compare(table, against, columns=names, **how) if against else None
    theirs = room.deepfakebench(table) if compat else ()
    alike = room.match_sources(scores, columns=names, **how) if matched else {}
    if json:
        print(jsonlib.dumps(_plain(report, compared, alike, theirs), indent=2))
        return 0
    print(room.render(report))
    if against and compared:
        called = [str(x) if scores.stem == against.stem else x.stem for x in (scores, against)]
        print("\n" + room.render_comparison(compared[0], called))
        what = "rows" if "frames" in compared[0] else "videos"
        print(f"{compared[1]} {what} that only one of the two holds or judged are left out.")
    if alike:
        print("\n" + room.render_matched(alike))
    if theirs:
        print("\n" + room.render_compatibility(theirs, "DeepfakeBench"))
    return 0


def _check_figures(**asked: Path | None) -> dict[str, Path]:
    """The figures of `visualization` that have a path, which must be one for a picture."""
    from telltrace.files import check_output

    wanted = {kind: path for kind, path in asked.items() if path is not None}
    if len({*wanted.values()}) < len(wanted):
        raise OptionError("Two pictures have the same name", remedy="Name each otherwise.")
    for path in wanted.values():
        check_output(path, ".png")
    return wanted


def _draw(table: Any, report: Any, figures: dict[str, Path]) -> None:
    for kind, path in figures.items():
        from telltrace import visualization

        visualization.save_figure(getattr(visualization, kind)(table, report), path)


def _plain(report: Any, compared: Any, alike: Any, theirs: Any) -> dict[str, Any]:
    """All that `evaluate` found, as plain data."""
    from telltrace import evaluation as room

    found: dict[str, Any] = report.to_dict()
    if compared:
        found["against"] = room.comparison_to_dict(*compared)
    if alike:
        found["matched"] = {level: asdict(one) for level, one in alike.items()}
    if theirs:
        found["deepfakebench"] = [asdict(row) for row in theirs]
    return found


def robustness(
    checkpoint: Path,
    manifest: Path,
    *,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    json: bool = False,
    **how: Any,
) -> int:
    """Judge the same faces clean and after 20 corruptions at 5 levels each.

    Given face crops it corrupts these; given a manifest of media it re-encodes the media and
    cuts their faces again. Can be stopped at any moment and run again: it goes on where it was.
    Writes OUT/robustness.json, OUT/curves.png and OUT/scores/CORRUPTION-LEVEL.csv.

    Args:
        checkpoint: Detector; "default" for the one in the package.
        device: Where to compute.
        json: Print JSON instead of a table.
    """
    from telltrace import robustness as room
    from telltrace.checkpoint import load_detector
    from telltrace.inference import choose_device
    from telltrace.visualization import save_figure

    chosen = None if str(checkpoint) == "default" else checkpoint
    detector = load_detector(chosen, choose_device(device))
    found = room.measure_robustness(detector, manifest, **how)
    save_figure(room.curves_figure(found), how["out"] / "curves.png")
    print(jsonlib.dumps(found.to_dict(), indent=2) if json else room.to_text(found))
    return 0


def report(sources: list[Path], *, out: Path, columns: str | None = None, **options: Any) -> int:
    """Write one HTML page about scores, runs and robustness; it needs no network and no server.

    Args:
        sources: Scores tables, folders of training runs with scores tables in them, or folders
            that `telltrace robustness` wrote.
        out: File to write, such as report.html.
        columns: Columns that have other names there, such as video=clip,score=prob_fake.
    """
    from telltrace.evaluation import parse_columns
    from telltrace.files import check_output, write_bytes
    from telltrace.reports import build_report, read_source

    check_output(out, ".html", ".htm")
    names = parse_columns(columns) if columns else None
    found = [source for path in sources for source in read_source(path, names)]
    write_bytes(build_report(found, **options).encode(), out)
    print(f"{len(found)} sets of scores -> {out}")
    return 0


def reproduce(
    table: str, *, plan: bool = False, hours: bool = False, json: bool = False, **options: Any
) -> int:
    """Run a published table again and print our figures beside the published ones.

    Can be stopped at any moment and run again: it goes on where it was. Cells whose data is not
    on this machine are named, with the command that makes it. Writes OUT/TABLE.md and
    OUT/TABLE.json. Exit code 1 if a cell failed.

    Args:
        table: Name of the table; "list" lists them.
        plan: Only say what would be run, and what is missing here.
        hours: Only time a few training steps of each row and say how long its trainings take.
        json: Print JSON instead of a table.
        options: Those of the library function.
    """
    from telltrace.reproduction.tables import load_table, table_names

    if table == "list":
        for name in table_names():
            print(f"{name:14} {load_table(name).title}")
        return 0
    from telltrace.files import write_bytes, write_json
    from telltrace.reproduction import Setup, plan_table, reproduce_table

    asked, setup = load_table(table), Setup(**options)
    if plan:
        for cell in plan_table(asked, setup):
            print(f"{cell.row.name:30} {cell.column.name:24} {cell.reason or 'can be run'}")
        return 0
    if hours:
        from telltrace.reproduction.hours import training_hours

        for name, value in training_hours(asked, plan_table(asked, setup), setup).items():
            print(f"{name:30} {value:9.2f} h")
        return 0
    from telltrace.reproduction.results import to_dict, to_markdown, to_text

    cells = reproduce_table(asked, setup)
    how = setup.describe(asked, [cell.row for cell in cells])
    found = to_dict(asked, cells, how)
    write_json(found, setup.out / f"{table}.json")
    write_bytes(to_markdown(asked, cells, how).encode(), setup.out / f"{table}.md")
    print(jsonlib.dumps(found, indent=2) if json else to_text(asked, cells, how))
    return int(any(cell.failed for cell in cells))
