"""What a verdict rests on, as HTML: the file's provenance, the seal, the detector, the settings."""

from typing import Any, Final

from telltrace.checkpoint import Detector
from telltrace.evidence.likelihood import Bounds, plain_ratio
from telltrace.files.plain import flatten
from telltrace.inference.custody import versions
from telltrace.inference.scanner import Scanner
from telltrace.inference.verdict import Verdict
from telltrace.visualization import page as html

BESIDE: Final = "What the file says of its own origin. None of this is part of the score."
SEALED: Final = (
    "A sealed report in JSON belongs to this page; telltrace verify compares it with the file. "
    "Keep the seal where nobody can change it: whoever can write a report can seal it anew."
)


def provenance_facts(verdict: Verdict) -> str:
    """What the file says of its origin, each finding with what it means and does not mean."""
    columns = ["finding", "said", "means", "does not mean"]
    rows: list[list[object]] = []
    for one in verdict.provenance:
        how = one.meaning
        rows.append([how.title, one.said, how.means, how.does_not_mean])
    return html.note(BESIDE) + html.table(columns, rows, texts=4)


def seal_facts(sealed: dict[str, Any]) -> str:
    """The hashes of a sealed report, which stand under its seal."""
    hashes = {f"SHA-256 of its {name}": digest for name, digest in sealed["hashes"].items()}
    return html.note(SEALED) + html.facts({"Seal": sealed["seal"], **hashes})


def detector_facts(detector: Detector) -> str:
    """The card of a detector as HTML, all of it, and the hash of its checkpoint."""
    card = detector.card
    zone, crop = card.calibration, detector.crop
    margin = "the picture" if crop.alignment == "whole" else f"margin {crop.margin:g}"
    about = {
        "Trained on": card.provenance.get("summary", "not said in its card"),
        "Real below": f"{zone.real_below:.4f}",
        "Fake from": f"{zone.fake_from:.4f}, strict {zone.fake(strict=True):.4f}",
        "Calibrated on": zone.fitted_on or "not said in its card",
        "Likelihood ratios": _ratios(zone.lr_bounds),
        "Temperature and bias": f"{zone.temperature:g}, {zone.bias:g}",
        "Face crop": f"{crop.alignment}, {margin}, {crop.size} pixels",
        "Network's input": f"{card.preprocessing.image_size} pixels",
        "SHA-256 of its checkpoint": detector.sha256 or "none: it was made in memory",
    }
    if (video := card.video) is None:
        about["Videos"] = "judged as pictures, by the mean of their looks"
    else:
        about |= {
            "Videos, real below": f"{video.real_below:.4f}",
            "Videos, fake from": f"{video.fake():.4f}, strict {video.fake(strict=True):.4f}",
            "Videos, calibrated on": video.fitted_on or "not said in its card",
        }
        samples = {"Logits of real videos": video.reals, "Logits of seconds of them": video.windows}
        for name, sample in samples.items():
            if sample is not None:
                known = f"mean {sample.mean:.3f}, deviation {sample.sd:.3f}"
                about[name] = f"{known}, {sample.size:.0f} videos"
    if (ways := card.combination) is not None:
        for name, weight in zip(ways.names, ways.weights, strict=True):
            about[f"Detector {name}"] = f"counts {weight:.3f} of its log odds"
        about["Conflicts"] = ways.fitted_on
    origin = {key: value for key, value in card.provenance.items() if key != "summary"}
    parts = {"Options": card.options, "Measured": card.metrics, "Origin": origin}
    for name, values in parts.items():
        for key, value in sorted(flatten(values).items()):
            about[f"{name}: {key}"] = f"{value:.6g}" if isinstance(value, float) else value
    return html.facts(about)


def method_facts(scanner: Scanner) -> str:
    """The settings of a scan and the versions of what computes, as HTML."""
    return html.facts({**vars(scanner.settings), **versions()})


def _ratios(bounds: Bounds | None) -> str:
    """How far the likelihood ratios of pictures are supported."""
    if bounds is None:
        return "none are stated"
    low, high = map(plain_ratio, bounds)
    return f"of pictures from {low} to {high}, as far as the validation supports them"
