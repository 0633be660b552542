"""A report as text: tables for a terminal, what is undefined marked and explained below."""

from io import StringIO

from rich import box
from rich.console import Console
from rich.table import Table

from .metrics import THRESHOLD, Measure
from .report import Group, Level, Report

NAMES = {
    "auc": "AUC",
    "ap": "average precision",
    "eer": "equal error rate",
    "pauc_1e-1": "partial AUC to FPR 0.1",
    "accuracy": f"accuracy at {THRESHOLD}",
    "balanced_accuracy": f"balanced accuracy at {THRESHOLD}",
    "tpr_at_fpr_1e-2": "hit rate at FPR 1e-2",
    "tpr_at_fpr_1e-3": "hit rate at FPR 1e-3",
    "tpr_at_fpr_1e-4": "hit rate at FPR 1e-4",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error",
}
"""What a reader calls each metric, in the order of the rows."""

_BRIEF = {"ap": "AP", "eer": "EER", "accuracy": "acc.", "balanced_accuracy": "bal. acc."}
_NARROW = ("eer", "balanced_accuracy")
_WIDE_FROM = 96
_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class _Footnotes:
    """Numbers for reasons, given in the order in which they are first needed."""

    def __init__(self) -> None:
        self.number: dict[str, int] = {}

    def cell(self, measure: Measure) -> str:
        if measure.value is not None:
            return f"{measure.value:.4f}"
        number = self.number.setdefault(measure.reason or "", len(self.number) + 1)
        return "n/a" + str(number).translate(_SUPERSCRIPT)

    def with_interval(self, level: Level, metric: str) -> str:
        """A metric with its interval, where it has one."""
        if metric == "auc" or metric not in level.intervals:
            return self.auc(level) if metric == "auc" else self.cell(level.metrics[metric])
        ends = level.intervals[metric]
        return f"{self.cell(level.metrics[metric])} [{ends.low:.3f}, {ends.high:.3f}]"

    def auc(self, level: Level) -> str:
        """The AUC with its interval; a second mark where only the interval is undefined."""
        cell = self.cell(level.metrics["auc"])
        if level.interval is not None:
            return f"{cell} [{level.interval.low:.3f}, {level.interval.high:.3f}]"
        if level.metrics["auc"].value is None:
            return cell
        return f"{cell} {self.cell(Measure(None, level.interval_reason))}"


def render(report: Report, width: int = 100) -> str:
    """The whole report, without a trailing newline."""
    notes = _Footnotes()
    out = StringIO()
    console = Console(file=out, width=width, color_system=None, highlight=False, markup=False)
    console.print(_summary(report))
    console.print(_overall(report, notes))
    for name, attribute in (("Frames", "frames"), ("Videos", "videos")):
        brief = list(_BRIEF) if width >= _WIDE_FROM else list(_NARROW)
        console.print(_by_set(report, name, attribute, notes, brief))
    for reason, number in notes.number.items():
        console.print(f"{str(number).translate(_SUPERSCRIPT)} {reason}")
    for note in report.notes:
        console.print(f"Note: {note}")
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _summary(report: Report) -> str:
    whole = report.overall
    split = ", ".join(name or "none named" for name in report.splits)
    how = report.aggregation if report.top is None else f"mean of the {report.top} highest"
    return (
        f"{whole.videos.judged} of {whole.videos.total} videos judged "
        f"({whole.videos.reals} real, {whole.videos.fakes} fake) by {whole.frames.judged} of "
        f"{whole.frames.total} frames; {whole.people} people; split: {split}. "
        f"A video's score is the {how} of its frames'."
    )


def _overall(report: Report, notes: _Footnotes) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title="All", title_justify="left", title_style="bold")
    table.add_column("metric")
    whole = report.overall
    levels = {"frame": whole.frames, "track": whole.tracks, "video": whole.videos}
    found = {name: level for name, level in levels.items() if level is not None}
    for name in found:
        table.add_column(f"per {name}")
    for metric, name in NAMES.items():
        cells = [notes.with_interval(x, metric) for x in found.values()]
        table.add_row(name, *cells)
    if any(x.judged < x.total for x in found.values()):
        table.add_row("judged", *(f"{x.judged / x.total:.2%}" for x in found.values()))
        for metric in whole.frames.as_wrong:
            cells = [notes.cell(x.as_wrong[metric]) for x in found.values()]
            table.add_row(f"{NAMES[metric]}, unjudged as wrong", *cells)
    return table


def _by_set(
    report: Report, name: str, attribute: str, notes: _Footnotes, brief: list[str]
) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=name, title_justify="left", title_style="bold")
    table.add_column("set", overflow="fold")
    for column in ("real", "fake"):
        table.add_column(column, justify="right", no_wrap=True)
    for column in (_auc_heading(report), *(_BRIEF[metric] for metric in brief)):
        table.add_column(column, no_wrap=True)
    for part in report.sets:
        _add_row(table, _set_name(part), getattr(part, attribute), notes, brief)
        for group in report.methods:
            if (group.dataset, group.compression) == (part.dataset, part.compression):
                _add_row(table, f"  {group.method}", getattr(group, attribute), notes, brief)
    return table


def _auc_heading(report: Report) -> str:
    levels = [getattr(g, a) for g in (report.overall, *report.sets) for a in ("frames", "videos")]
    found = next((x.interval.level for x in levels if x.interval), None)
    return "AUC" if found is None else f"AUC [{100 * found:g} % interval]"


def _set_name(group: Group) -> str:
    return " ".join(part for part in (group.dataset, group.compression) if part) or "(unnamed)"


def _add_row(table: Table, name: str, level: Level, notes: _Footnotes, brief: list[str]) -> None:
    cells = [notes.cell(level.metrics[metric]) for metric in brief]
    table.add_row(name, str(level.reals), str(level.fakes), notes.auc(level), *cells)
