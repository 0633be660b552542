"""Every form of a detector that this machine can compute, side by side."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telltrace.backends import installed
from telltrace.checkpoint import BUNDLED, Detector, load_detector
from telltrace.checkpoint.artefacts import Precision
from telltrace.errors import OptionError, check_positive
from telltrace.evaluation.metrics import measure

from .crops import Pixels, example_crops
from .exporter import ENDINGS, scores_of, write_form
from .graphs import Format

Opening = tuple[str, Path, Callable[[], Detector]]


@dataclass(frozen=True)
class Form:
    """A form of a detector, and what it costs."""

    backend: str
    precision: str
    images_per_second: float
    """Median over batches, once the backend has judged so many that it is at its fastest."""
    first_ms: float
    """Milliseconds from opening the file to the first score, libraries already imported."""
    megabytes: float
    largest_difference: float
    """Of a score from PyTorch's in float32."""
    auc_difference: float | None = None
    """Less PyTorch's AUC in float32; None without labelled crops of both classes."""


def compare_forms(
    checkpoint: str | Path | None = None,
    *,
    manifest: Sequence[str | Path] = (),
    samples: int = 64,
    batch_size: int = 8,
) -> list[Form]:
    """Compute a detector in every backend and precision of this machine, PyTorch first.

    An ensemble is an OptionError.

    Args:
        checkpoint: A checkpoint, or None for the detector in the package.
        manifest: Manifests of face crops; by default crops of one photograph.
        samples: How many crops.
        batch_size: Crops per call of the network.
    """
    check_positive(samples=samples, batch_size=batch_size)
    path = Path(checkpoint) if checkpoint is not None else BUNDLED
    detector = load_detector(path, backend="torch")
    if detector.card.members:
        remedy = "Name the checkpoint of one of them."
        raise OptionError("An ensemble has a form for each member", remedy=remedy)
    images, rows = example_crops(detector.card.preprocessing, manifest, samples)
    labels = None if rows is None or rows.label.nunique() < 2 else rows.label.to_numpy()
    expected = scores_of(detector, images)
    batch = images[:batch_size]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, file, load in _openings(path, detector, images, Path(folder)):
            start = time.perf_counter()
            form = load()
            form.score_resized(batch[:1])
            first = time.perf_counter() - start
            scores = scores_of(form, images)
            form.settle(batch)
            spent = median(_seconds(form, batch) for _ in range(5))
            costs = len(batch) / spent, 1000 * first, _size(file)
            differences = float(abs(scores - expected).max()), _gain(labels, scores, expected)
            found.append(Form(form.backend, name, *costs, *differences))
    return found


def _openings(path: Path, detector: Detector, crops: Pixels, folder: Path) -> Iterator[Opening]:
    """Precision, file and how to load it, of every form."""
    for kind in ("float32", "bfloat16"):
        yield kind, path, _opening(path, kind, "torch")
    formats: list[tuple[Format, Precision]] = []
    if "onnx" in installed():
        formats += [("onnx", "fp32"), ("onnx", "int8")]
    if "openvino" in installed():
        formats += [("openvino", "fp32"), ("openvino", "bf16")]
        formats += [("openvino", "int8")] if "onnx" in installed() else []
    for form, precision in formats:
        file = folder / f"{precision}{ENDINGS[form]}"
        write_form(detector, form, precision, crops, file)
        yield precision, file, _opening(file, "float32", form)


def _opening(path: Path, precision: Any, backend: Any) -> Callable[[], Detector]:
    return lambda: load_detector(path, precision=precision, backend=backend)


def _size(file: Path) -> float:
    return sum(one.stat().st_size for one in {file, file.with_suffix(".bin")} if one.exists()) / 1e6


def _seconds(detector: Detector, batch: Pixels) -> float:
    start = time.perf_counter()
    detector.score_resized(batch)
    return time.perf_counter() - start


def _gain(
    labels: NDArray[np.int64] | None, scores: NDArray[np.float64], expected: NDArray[np.float64]
) -> float | None:
    if labels is None:
        return None
    here, there = (measure(labels, each)["auc"].value for each in (scores, expected))
    return None if here is None or there is None else here - there
