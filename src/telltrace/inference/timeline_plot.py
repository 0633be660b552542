"""The scores of each person over time, a strip each, drawn for the page about a file."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from telltrace.errors import OptionError
from telltrace.inference.timeline import Span
from telltrace.inference.verdict import TrackVerdict

INK, FORGED, ZONE = "#3566B0", "#D9412B", "#888888"


def timeline_figure(
    tracks: Mapping[int, TrackVerdict], duration: float, real_below: float, fake_from: float
) -> Figure:
    """One strip a person, by number and all over the same seconds, grey between the thresholds.

    Raises:
        OptionError: If there is no track.
    """
    if not tracks:
        raise OptionError("A timeline needs at least one person with a score, got none.")
    drawing = Figure(figsize=(5, 0.9 + 1.1 * len(tracks)), layout="constrained")
    strips = drawing.subplots(len(tracks), sharex=True, squeeze=False)[:, 0]
    for axes, (number, track) in zip(strips, tracks.items(), strict=True):
        _draw(axes, track)
        axes.axhspan(real_below, fake_from, color=ZONE, alpha=0.12, lw=0)
        axes.set(xlim=(0, max(duration, 1e-3)), ylim=(-0.04, 1.04), yticks=(0, 0.5, 1))
        axes.set_ylabel(f"person {number}", fontsize="medium")
        axes.tick_params(labelsize="medium")
        axes.spines[["top", "right"]].set_visible(False)
    strips[-1].set_xlabel("seconds")
    return drawing


def _draw(axes: Axes, track: TrackVerdict) -> None:
    faces = [face for face in track.faces if face.score is not None]
    times = [face.time for face in faces]
    axes.plot(times, [face.score or 0.0 for face in faces], ".", color=INK, ms=4, alpha=0.45)
    axes.plot(times, [face.smoothed or 0.0 for face in faces], color=INK, lw=1.6)
    for span in track.forged:
        axes.axvspan(*_visible(span), color=FORGED, alpha=0.15, lw=0.8)


def _visible(span: Span) -> tuple[float, float]:
    """A single frame is drawn as wide as a tenth of a second."""
    middle, half = (span.start + span.end) / 2, max(span.end - span.start, 0.1) / 2
    return middle - half, middle + half
