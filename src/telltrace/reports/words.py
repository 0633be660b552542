"""The plain words of a report: what the figures mean, for readers without statistics."""

from telltrace.evaluation.groups import Level
from telltrace.evaluation.metrics import THRESHOLD
from telltrace.evaluation.report import Report

CHANCE = 0.5


def plain_summary(report: Report) -> list[str]:
    """What a reader should take away, as sentences."""
    whole = report.overall
    videos, frames = whole.videos, whole.frames
    said = [
        f"{videos.judged} of {videos.total} videos could be judged: {videos.reals} real and "
        f"{videos.fakes} fake ones, by {frames.judged} frames."
        if videos.total
        else f"{frames.judged} of {frames.total} rows could be judged: {frames.reals} real and "
        f"{frames.fakes} fake ones; no video is named."
    ]
    level, what = (
        (videos, "video") if videos.metrics["auc"].value is not None else (frames, "frame")
    )
    value = level.metrics["auc"].value
    if value is None:
        return [*said, f"How well it separates cannot be said: {level.metrics['auc'].reason}."]
    said.append(
        f"Of a fake and a real {what} picked at random, the fake is found more suspicious "
        f"{100 * value:.0f} times of 100{_range(level)}. Guessing would be right 50 times."
    )
    said.append(_worth(level, value))
    right = level.metrics["balanced_accuracy"].value
    if right is not None:
        said.append(
            f"If every {what} with a score of {THRESHOLD:g} or more is called fake, "
            f"{100 * right:.0f} % of the verdicts are right where both are equally frequent."
        )
    return said + _methods(report)


def _range(level: Level) -> str:
    if level.interval is None:
        return ""
    low, high = (100 * end for end in (level.interval.low, level.interval.high))
    return f" (from {low:.0f} to {high:.0f}, as far as these videos can tell)"


def _worth(level: Level, value: float) -> str:
    if level.interval is None and value in (0.0, 1.0):
        return "Not one pair of these came out otherwise; that does not show that none ever will."
    if level.interval is None:
        return "These videos are too few to say how far that can be trusted."
    if level.interval.low <= CHANCE <= level.interval.high:
        return "That cannot be told from guessing: do not rely on this detector."
    if value < CHANCE:
        return "That is worse than guessing: check which class is which."
    return "That is better than guessing, on material like this."


def _methods(report: Report) -> list[str]:
    known = [(g.frames.metrics["auc"].value, g.method) for g in report.methods]
    found = sorted((value, method) for value, method in known if value is not None and method)
    if len(found) < 2 or f"{found[0][0]:.2f}" == f"{found[-1][0]:.2f}":
        return []
    (worst, hard), (best, easy) = found[0], found[-1]
    return [
        f"It sees {easy} best (AUC {best:.2f} per frame) and {hard} least ({worst:.2f}); what it "
        "makes of other manipulations is not shown here."
    ]
