"""Reports and comparisons as text for a terminal; what is undefined is marked and explained."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table

from .comparison import Comparison
from .compatibility import Difference
from .groups import Level
from .metrics import METRICS, Measure
from .report import Group, Report
from .text_tables import text_table, to_lines

_NARROW = ("EER", "bal. acc.")
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
        """A metric with its interval; a second mark where only the AUC's interval is undefined."""
        if level.metrics[metric].value is None:
            return self.cell(level.metrics[metric])
        missing = metric == "auc" and level.interval is None
        mark = f" {self.cell(Measure(None, level.interval_reason))}" if missing else ""
        return level.show(metric) + mark


def render(report: Report, width: int = 100) -> str:
    """The whole report, without a trailing newline."""
    notes = _Footnotes()
    brief = [m.name for m in METRICS.values() if m.heading and m.name != "auc"]
    if width < _WIDE_FROM:
        brief = [name for name in brief if METRICS[name].heading in _NARROW]
    parts: list[RenderableType] = [summary(report), _overall(report, notes)]
    parts.append(_by_set(report, "frames", notes, brief))
    if report.overall.videos.total:
        parts.append(_by_set(report, "videos", notes, brief))
    marks = notes.number.items()
    parts += [f"{str(number).translate(_SUPERSCRIPT)} {reason}" for reason, number in marks]
    return to_lines([*parts, *(f"Note: {note}" for note in report.notes)], width)


def summary(report: Report) -> str:
    """What was judged, in a sentence or two."""
    whole, split = report.overall, ", ".join(name or "none named" for name in report.splits)
    frames, videos = whole.frames, whole.videos
    x, what = (videos, "videos") if videos.total else (frames, "rows")
    text = f"{x.judged} of {x.total} {what} judged ({x.reals} real, {x.fakes} fake)"
    if not videos.total:
        return f"{text}; no videos named; split: {split}."
    return (
        f"{text} by {frames.judged} of {frames.total} frames; {whole.people} people; split: "
        f"{split}. A video's score is the {report.how} of its frames'."
    )


def _overall(report: Report, notes: _Footnotes) -> Table:
    whole = report.overall
    levels = {"frame": whole.frames, "track": whole.tracks, "video": whole.videos}
    found = {name: level for name, level in levels.items() if level is not None}
    rows = [
        [metric.title, *(notes.with_interval(x, name) for x in found.values())]
        for name, metric in METRICS.items()
    ]
    if any(x.judged < x.total for x in found.values()):
        shares = [x.coverage for x in found.values()]
        rows.append(["judged", *("" if share is None else f"{share:.2%}" for share in shares)])
        for name in whole.frames.as_wrong:
            wrong = (notes.cell(x.as_wrong.get(name, x.metrics[name])) for x in found.values())
            rows.append([f"{METRICS[name].title}, unjudged as wrong", *wrong])
    return text_table(["metric", *(f"per {name}" for name in found)], rows, title="All")


def _by_set(report: Report, level: str, notes: _Footnotes, brief: list[str]) -> Table:
    levels = [x for g in (report.overall, *report.sets) for x in (g.frames, g.videos)]
    sure = next((x.interval.level for x in levels if x.interval), None)
    area = "AUC" if sure is None else f"AUC [{100 * sure:g} % interval]"
    figures = [area, *(METRICS[name].heading for name in brief)]
    counts, title = ["real", "fake"], level.capitalize()
    table = text_table(["set", *counts, *figures], title=title, right=counts, whole=figures)

    def add(name: str, group: Group) -> None:
        x: Level = getattr(group, level)
        cells = [notes.cell(x.metrics[metric]) for metric in brief]
        table.add_row(name, str(x.reals), str(x.fakes), notes.with_interval(x, "auc"), *cells)

    for part, methods in report.by_set():
        add(part.set_name or "(unnamed)", part)
        for group in methods:
            add(f"  {group.method}", group)
    return table


def render_comparison(found: dict[str, dict[str, Comparison | str]], names: Sequence[str]) -> str:
    """A comparison of two detectors as a table."""
    rows, called = [], {"first": names[0], "second": names[1], "tie": "tie"}
    for level, metrics in found.items():
        for metric, one in metrics.items():
            place = [METRICS[metric].title, level]
            if isinstance(one, str):
                rows.append([*place, "", "", "", "", one, ""])
                continue
            p = "" if one.p_value is None else f", p = {one.p_value:.3g}"
            figures = f"{one.first:.4f}", f"{one.second:.4f}", f"{one.difference:+.4f}"
            interval = f"[{one.low:+.4f}, {one.high:+.4f}]"
            rows.append([*place, *figures, interval, one.method + p, called[one.verdict]])
    columns = ["metric", "level", *names, "difference", "interval", "by", "better"]
    return to_lines([text_table(columns, rows, title="Two detectors")], 120)


def render_compatibility(rows: tuple[Difference, ...], whose: str) -> str:
    """Another benchmark's figures beside ours, with the reason for each difference."""
    cells = [[row.metric, f"{row.theirs:.4f}", f"{row.ours:.4f}", row.reason] for row in rows]
    columns = ["metric", whose, "telltrace", "why they may differ"]
    return to_lines([text_table(columns, cells, title=f"As {whose} would say it")], 110)
