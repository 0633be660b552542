"""Put a report together: the same scores give the same page, to the last byte."""

from collections.abc import Sequence

from telltrace.errors import OptionError
from telltrace.evaluation import (
    METRICS,
    Aggregation,
    Level,
    Report,
    ScoreTable,
    UndefinedError,
    compact_scores,
    evaluate,
)
from telltrace.evaluation.metrics import THRESHOLD
from telltrace.evaluation.rendering import summary
from telltrace.files.version import VERSION
from telltrace.robustness import curves_figure
from telltrace.robustness.results import sentences
from telltrace.visualization import histogram_figure, reliability_figure, runs_figure
from telltrace.visualization.page import facts, figure, note, page, paragraph, svg, table

from . import charts
from .sources import Source


def build_report(
    sources: Sequence[Source],
    *,
    aggregation: Aggregation = "mean",
    mistakes: int = 0,
) -> str:
    """The whole page as HTML.

    Args:
        sources: Detectors, in the order in which they are shown; without any an OptionError.
        aggregation: How the frames of a video become its score.
        mistakes: Faces of each class to show that were judged most wrongly; 0 shows no picture
            of anybody.
    """
    if not sources:
        raise OptionError("A report needs at least one scores table")
    tables = [compact_scores(source.scores) for source in sources]
    reports = [evaluate(table, aggregation=aggregation) for table in tables]
    several = len(sources) > 1
    sections: list[tuple[str, str]] = []
    if several:
        sections.append(("Side by side", _side_by_side(sources, reports)))
    for source, scores, report in zip(sources, tables, reports, strict=True):
        for heading, body in _sections(source, scores, report, mistakes):
            sections.append((f"{source.name}: {heading}" if several else heading, body))
    lead = paragraph(f"{len(sources)} sets of scores." if several else sources[0].name)
    return page("What the scores say", sections, lead=lead)


def _side_by_side(sources: Sequence[Source], reports: Sequence[Report]) -> str:
    rows = [
        [s.name, r.overall.videos.total, r.overall.frames.show("auc"), r.overall.videos.show("auc")]
        for s, r in zip(sources, reports, strict=True)
    ]
    warning = note(
        "Intervals that overlap do not say that two detectors are equal, and scores of different "
        "videos are not compared by their figures: `telltrace evaluate --against` compares two "
        "detectors on the same videos."
    )
    return table(["scores", "videos", "AUC per frame", "AUC per video"], rows) + warning


def _sections(
    source: Source, scores: ScoreTable, report: Report, mistakes: int
) -> list[tuple[str, str]]:
    """Headings and what stands below them."""
    words = "".join(map(paragraph, plain_summary(report))) + "".join(map(note, report.notes))
    found = [
        ("In plain words", words),
        ("Figures", _figures(report)),
        ("By method", _methods(report)),
        ("Curves", _curves(scores, report)),
    ]
    if source.robustness is not None:
        words = "".join(map(paragraph, sentences(source.robustness)))
        drawn = svg(curves_figure(source.robustness), alt="Robustness curves")
        caption = "Each chart goes from clean faces to the strongest level of one corruption."
        found.append(("Robustness", words + figure(drawn, caption)))
    if mistakes:
        found.append(("Worst mistakes", _mistakes(source, mistakes)))
    if source.history is not None:
        caption = "The epoch with the highest validation AUC is the one that was kept."
        drawn = svg(runs_figure({source.name: source.history}), alt="Course of the training")
        found.append(("Training", figure(drawn, caption)))
    origin = facts({**source.origin, "telltrace": VERSION})
    return [*found, ("Protocol", _protocol(report)), ("Provenance", origin)]


def _figures(report: Report) -> str:
    levels = (report.overall.frames, report.overall.videos)
    rows = [
        [metric.title, *(x.show(name, interval=name == "auc") for x in levels)]
        for name, metric in METRICS.items()
    ]
    said = [measure.reason for level in levels for measure in level.metrics.values()]
    reasons = "; ".join(filter(None, dict.fromkeys(said)))
    below = paragraph(f"n/a: {reasons}.") if reasons else ""
    return table(["metric", "per frame", "per video"], rows) + below


def _methods(report: Report) -> str:
    columns = ["set and method", "real", "fake", "AUC per frame", "AUC per video", "EER per frame"]
    rows: list[list[object]] = []
    for part, methods in report.by_set():
        groups = [(part, part.set_name), *((one, f"\u2003{one.method}") for one in methods)]
        for group, name in groups:
            videos, frames = group.videos, group.frames
            areas = frames.show("auc"), videos.show("auc"), frames.show("eer", interval=False)
            rows.append([name or "(unnamed)", videos.reals, videos.fakes, *areas])
    caption = "Videos; each method's fakes against all reals of the same set."
    drawn = charts.method_figure(report)
    bars = figure(svg(drawn, alt="AUC by method"), "Lines are 95 % intervals.") if drawn else ""
    return table(columns, rows, caption=caption) + bars


def _curves(scores: ScoreTable, report: Report) -> str:
    parts = []
    drawn = charts.roc_band_figure(scores, report)
    if drawn is not None:
        caption = "At each FPR, 95 % of draws of whole videos lie within the band."
        parts.append(figure(svg(drawn, alt="ROC curve with a band"), caption))
    histogram = svg(histogram_figure(scores, report), alt="Histogram of scores")
    parts.append(figure(histogram, "Reals are filled; the dashed line is the threshold of 0.5."))
    try:
        drawn = reliability_figure(scores, report)
        caption = (
            "Where scores are probabilities, dots lie on the diagonal; grey bars count items. "
            "The share of fakes here is that of these videos, not of the world."
        )
        parts.append(figure(svg(drawn, alt="Reliability of the scores"), caption))
    except UndefinedError as error:
        parts.append(paragraph(f"No reliability diagram: {error}."))
    return "".join(parts)


def _mistakes(source: Source, count: int) -> str:
    text = note("This page now shows faces. Pass it on only to people who may see them.")
    for label, heading in enumerate(("Real, and called most fake", "Fake, and called most real")):
        worst = charts.worst_mistakes(source.scores, label, count)
        text += f"<h3>{heading}</h3>{charts.thumbnails(worst)}"
    return text


def _protocol(report: Report) -> str:
    whole = report.overall
    return facts(
        {
            "videos": f"{whole.videos.judged} judged of {whole.videos.total}",
            "frames": f"{whole.frames.judged} judged of {whole.frames.total}",
            "people": whole.people,
            "splits": ", ".join(name or "none named" for name in report.splits),
            "a video's score": f"the {report.how} of its frames'",
            "what is one video": "data set, method, compression and name together",
        }
    )


def plain_summary(report: Report) -> list[str]:
    """What a reader should take away, as sentences."""
    level, what, said = report.overall.videos, "video", [summary(report)]
    if level.metrics["auc"].value is None:
        level, what = report.overall.frames, "frame"
    value = level.metrics["auc"].value
    if value is None:
        return [*said, f"How well it separates cannot be said: {level.metrics['auc'].reason}."]
    known = ""
    if level.interval is not None:
        low, high = 100 * level.interval.low, 100 * level.interval.high
        known = f" (from {low:.0f} to {high:.0f}, as far as these videos can tell)"
    said.append(
        f"Of a fake and a real {what} picked at random, the fake is found more suspicious "
        f"{100 * value:.0f} times of 100{known}. Guessing would be right 50 times."
    )
    said.append(_worth(level, value))
    right = level.metrics["balanced_accuracy"].value
    if right is not None:
        said.append(
            f"If every {what} with a score of {THRESHOLD:g} or more is called fake, "
            f"{100 * right:.0f} % of the verdicts are right where both are equally frequent."
        )
    return said + _best_and_worst(report)


def _worth(level: Level, value: float) -> str:
    if level.interval is None and value in (0.0, 1.0):
        return "Not one pair of these came out otherwise; that does not show that none ever will."
    if level.interval is None:
        return "These videos are too few to say how far that can be trusted."
    if level.interval.low <= 0.5 <= level.interval.high:
        return "That cannot be told from guessing: do not rely on this detector."
    if value < 0.5:
        return "That is worse than guessing: check which class is which."
    return "That is better than guessing, on material like this."


def _best_and_worst(report: Report) -> list[str]:
    known = [(g.frames.metrics["auc"].value, g.method) for g in report.methods]
    found = sorted((value, method) for value, method in known if value is not None and method)
    if len(found) < 2 or f"{found[0][0]:.2f}" == f"{found[-1][0]:.2f}":
        return []
    (worst, hard), (best, easy) = found[0], found[-1]
    return [
        f"It sees {easy} best (AUC {best:.2f} per frame) and {hard} least ({worst:.2f}); what it "
        "makes of other manipulations is not shown here."
    ]
