"""What a verdict rests on besides the media: the detectors, the settings, the versions."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from telltrace.checkpoint import Card, Detector
from telltrace.inference.formats import SCHEMA
from telltrace.inference.scanner import Scanner
from telltrace.version import VERSION
from telltrace.visualization.page import facts


def detector_facts(detector: Detector) -> str:
    """The card of a detector as HTML, all of it, and the hash of its checkpoint."""
    card = detector.card
    zone, crop = card.calibration, detector.crop
    about = {
        "Trained on": card.provenance.get("summary", "not said in its card"),
        "Real below": f"{zone.real_below:.4f}",
        "Fake from": f"{zone.fake_from:.4f}, strict {zone.fake(strict=True):.4f}",
        "Calibrated on": zone.fitted_on or "not said in its card",
        "Temperature and bias": f"{zone.temperature:g}, {zone.bias:g}",
        "Face crop": f"{crop.alignment}, margin {crop.margin:g}, {crop.size} pixels",
        "Network's input": f"{card.preprocessing.image_size} pixels",
        "SHA-256 of its checkpoint": detector.sha256 or "none: it was made in memory",
    }
    about |= _video_facts(card)
    parts = (("Options", card.options), ("Measured", card.metrics), ("Origin", card.provenance))
    for name, values in parts:
        about |= {f"{name}: {key}": value for key, value in _flat(values).items()}
    return facts(about)


def _video_facts(card: Card) -> dict[str, str]:
    """What a card says of people in videos."""
    video = card.video
    if video is None:
        return {"Videos": "judged as pictures, by the mean of their looks"}
    samples = {"Logits of real videos": video.reals, "Logits of seconds of them": video.windows}
    return {
        "Videos, real below": f"{video.real_below:.4f}",
        "Videos, fake from": f"{video.fake():.4f}, strict {video.fake(strict=True):.4f}",
        "Videos, calibrated on": video.fitted_on or "not said in its card",
    } | {
        name: f"mean {sample.mean:.3f}, deviation {sample.sd:.3f}, {sample.size:.0f} videos"
        for name, sample in samples.items()
        if sample is not None
    }


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, object]:
    """Nested values under dotted names, in the order of the names."""
    flat: dict[str, object] = {}
    for key, value in sorted(values.items()):
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{above}{key}.")
        elif f"{above}{key}" != "summary":
            flat[f"{above}{key}"] = f"{value:.6g}" if isinstance(value, float) else value
    return flat


def method_facts(scanner: Scanner) -> str:
    """The settings of a scan and the versions of what computes, as HTML."""
    packages = ("torch", "numpy", "opencv-python-headless", "av", "pillow")
    versions = {"telltrace": VERSION, "schema": SCHEMA, "Python": platform.python_version()}
    installed = {name: version(name) for name in packages}
    return facts({**vars(scanner.settings), **versions, **installed})
