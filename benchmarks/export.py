"""Do exported detectors judge as their checkpoints do?

    python benchmarks/export.py --manifest crops/manifest.csv [--videos FOLDER] [--names meso4 ...]

Every detector of the registry is drawn at random, its normalisations are measured on the crops and
its scores spread over them, so that a difference shows; then it is exported and judges the crops,
and four frames of five videos, in ONNX Runtime and in OpenVINO. The detector in the package is
exported in every precision, its integers are calibrated on other crops of the manifest, and it
scans the videos as users do.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from results import with_earlier, write
from torch import nn

from telltrace import scan
from telltrace.checkpoint import (
    Calibration,
    Card,
    Detector,
    load_detector,
    save_checkpoint,
)
from telltrace.data.crops import prepared_crop
from telltrace.data.transforms import Preprocessing
from telltrace.errors import TelltraceError
from telltrace.evaluation.comparison import delong
from telltrace.exporting.crops import Crops, example_crops
from telltrace.exporting.exporter import ENDINGS, scores_of, write_form
from telltrace.models.registry import DETECTORS, create_detector, default_options

READERS = {"onnx": ("onnx", "openvino"), "openvino": ("openvino",)}
SIDE = 256
FEW: dict[str, Any] = {"sample": "spread", "frames": 4}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, help="prepared face crops")
    parser.add_argument("--videos", type=Path, help="folder of videos to scan")
    parser.add_argument("--names", nargs="*", default=sorted(DETECTORS))
    parser.add_argument("--samples", type=int, default=200)
    options = parser.parse_args(arguments)
    if options.manifest is None:
        print("This benchmark wants face crops: --manifest MANIFEST")
        return 0
    title, key = "Every detector in float32", "detector"
    tables = {"The detector in the package": list(bundled_rows(options))}
    rows = []
    for number, name in enumerate(options.names, 1):
        rows += drawn_rows(name, options)
        done = options.names[:number]
        tables[title] = with_earlier("export", title, key, rows, done)
        write("export", tables, samples=options.samples)
    return 0


def bundled_rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Every format and precision of the detector in the package."""
    detector = load_detector(backend="torch")
    both = example_crops(detector.card.preprocessing, [options.manifest], 2 * options.samples)
    assert both.rows is not None
    judged = Crops(both.images[1::2], both.rows.iloc[1::2].reset_index(drop=True))
    expected = scores_of(detector, judged.images)
    verdicts = list(scanned(options.videos, detector))
    with tempfile.TemporaryDirectory() as folder:
        for precision in ("fp32", "fp16", "bf16", "int8"):
            for form, readers in READERS.items():
                file = Path(folder) / f"{precision}{ENDINGS[form]}"
                write_form(detector, form, precision, both.images[::2], file)
                for reader in readers:
                    made = load_detector(file, backend=reader)
                    found = compared(made, judged, expected)
                    if options.videos:
                        seen = list(scanned(options.videos, made))
                        found |= video_differences(verdicts, seen)
                    yield {"file": file.suffix, "precision": precision, "backend": reader} | found


def drawn_rows(name: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """A detector of the registry, in ONNX Runtime and OpenVINO."""
    crop = prepared_crop(options.manifest)
    size = default_options(name).get("image_size") or SIDE
    preprocessing = Preprocessing(crop, image_size=size)
    crops = example_crops(preprocessing, [options.manifest], options.samples)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        detector = drawn(name, preprocessing, crops, Path(folder) / "drawn.safetensors")
        expected = scores_of(detector, crops.images)
        verdicts = list(scanned(options.videos, detector, **FEW))
        file = Path(folder) / "drawn.onnx"
        try:
            write_form(detector, "onnx", "fp32", crops.images, file)
            for reader in READERS["onnx"]:
                made = load_detector(file, backend=reader)
                found = compared(made, crops, expected)
                seen = list(scanned(options.videos, made, **FEW))
                found |= video_differences(verdicts, seen) if seen else {}
                rows.append({"detector": name, "side": size, "backend": reader} | found)
        except (TelltraceError, RuntimeError) as error:
            rows.append({"detector": name, "side": size, "fault": str(error)[:200]})
    return rows


def drawn(name: str, preprocessing: Preprocessing, crops: Crops, path: Path) -> Detector:
    """A detector with weights of seed 0, whose scores of the crops lie around one half."""
    torch.manual_seed(0)
    network = create_detector(name)
    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the mean of all batches
    with torch.no_grad():
        for mode in (True, False):
            network.train(mode)
            logits = [network(preprocessing.tensor(part)) for part in eighths(crops.images)]
    card = Card(detector=name, preprocessing=preprocessing)
    margins = torch.cat(logits).diff(dim=1).double()
    spread = max(float(margins.std()), 1e-6)
    calibration = Calibration(temperature=spread, bias=-float(margins.mean()) / spread)
    save_checkpoint(path, network, replace(card, calibration=calibration))
    return load_detector(path, backend="torch")


def eighths(images: np.ndarray) -> list[np.ndarray]:
    """The crops, eight at a time."""
    return [np.ascontiguousarray(images[n : n + 8]) for n in range(0, len(images), 8)]


def compared(made: Detector, crops: Crops, expected: Any) -> dict[str, Any]:
    """What an exported detector says of crops beside what its checkpoint says."""
    scores, zone = scores_of(made, crops.images), made.card.calibration
    bounds = zone.real_below, zone.fake_from
    flips = (np.digitize(scores, bounds) != np.digitize(expected, bounds)).sum()
    found = {
        "crops": len(scores),
        "largest difference": float(abs(scores - expected).max()),
        "verdict flips": int(flips),
    }
    assert crops.rows is not None
    try:
        auc = delong(crops.rows.label, scores, expected)
    except TelltraceError as why:
        return found | {"AUC difference": str(why)}
    interval = f"{auc.difference:+.5f} ({auc.low:+.5f} to {auc.high:+.5f})"
    return found | {"AUC": auc.second, "AUC difference": interval}


def scanned(
    folder: Path | None, detector: Detector, **settings: Any
) -> Iterator[tuple[str, float | None]]:
    """Verdict and score of five videos."""
    for video in sorted(folder.glob("*.mp4"))[:5] if folder else ():
        verdict = scan(video, detector=detector, **settings)
        yield str(verdict.status), verdict.score


def video_differences(
    first: list[tuple[str, float | None]], second: list[tuple[str, float | None]]
) -> dict[str, Any]:
    """How far the verdicts of a scan are apart."""
    pairs = list(zip(first, second, strict=True))
    apart = [abs(a - b) for (_, a), (_, b) in pairs if a is not None and b is not None]
    flips = sum(a != b for (a, _), (b, _) in pairs)
    largest = max(apart, default=None)
    return {"videos judged": len(apart), "largest of a video": largest, "video flips": flips}


if __name__ == "__main__":
    sys.exit(main())
