"""One exported detector: written only after it has judged crops as its checkpoint does.

Plug-ins add formats of files to ours.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from telltrace.backends import installed
from telltrace.checkpoint import Card, load_detector, probabilities
from telltrace.checkpoint.artefacts import SUFFIXES, Precision
from telltrace.checkpoint.graph import ScoringGraph, inference_graph
from telltrace.errors import DependencyError, OptionError, OutputError, check_positive
from telltrace.files import check_output, write_bytes
from telltrace.plugins import Registry

from .crops import Pixels, example_crops
from .graphs import Format, write_onnx, write_openvino, write_program

BOUNDS: Final[dict[Precision, float]] = {"fp32": 1e-4, "fp16": 0.01, "bf16": 0.05, "int8": 0.2}
"""How far the score of any crop may be from the checkpoint's, by precision."""
ENDINGS: Final[dict[str, str]] = {"onnx": ".onnx", "openvino": ".xml", "torch-export": ".pt2"}
PACKAGES: Final = {"onnx": ["onnx"], "openvino": ["onnx", "openvino"]}


@dataclass(frozen=True)
class Exporter:
    """How a format is written, in 32 bits, and computed, so that its scores can be checked."""

    ending: str
    """Of its files, such as ".ts"."""
    write: Callable[[ScoringGraph, Card, Path], None]
    """Writes the graph, which takes crops (N, S, S, 3) uint8 and gives logits (N, 2), and the
    card, without which nobody knows what the logits mean."""
    logits: Callable[[Path, Pixels], NDArray[Any]]
    """Computes the file's logits of crops, as floats."""


EXPORTERS: Final[Registry[Exporter]] = Registry("exporters", Exporter, {})
"""Formats of plug-ins by name."""


class Exported(NamedTuple):
    """What was written, and how it was checked."""

    paths: tuple[Path, ...]
    size: int
    """Bytes of all files."""
    crops: int
    """On so many crops both were compared."""
    differences: dict[str, float]
    """Largest difference of a score from the checkpoint's, by backend."""
    bound: float


def export(
    checkpoint: str | Path | None,
    out: str | Path,
    format: Format | str = "onnx",
    precision: Precision = "fp32",
    *,
    manifest: Sequence[str | Path] = (),
    samples: int = 64,
) -> Exported:
    """Write a detector as a file for other runtimes, with its card in the file's own metadata.

    Checkpoint and export judge the same crops first; where a score differs by more than the
    precision's entry of :data:`BOUNDS`, nothing is written. The graph takes "crops", (N, S, S, 3)
    uint8 RGB, cut and resized as the card says, and gives "logits" (N, 2), and "map" (N, h, w) of
    pasted places from networks that have one. Its calibration is in the card: `load_detector`,
    `scan` and the others take ONNX and OpenVINO files as they take a checkpoint.

    Args:
        checkpoint: A checkpoint, or None for the detector in the package.
        out: File to write; OpenVINO's weights lie beside it, under the same name with .bin.
        format: "onnx" (.onnx), "openvino" (.xml), "torch-export" (.pt2), or one of a plug-in.
        precision: "fp32"; weights stored in 16 bits, "fp16" or "bf16", of which OpenVINO
            computes in the latter where it can; or "int8", calibrated on the crops.
        manifest: Manifests of face crops to compare and calibrate on; by default crops of one
            photograph, which are too few for "int8" to be good on others.
        samples: How many crops.

    Raises:
        OptionError: For an ensemble, a name of another format, or torch-export in fewer bits.
        OutputError: If scores differ, or the file cannot be written.
        DependencyError: If a package for the format is not installed.
    """
    out = Path(out)
    formats = (*get_args(Format), *EXPORTERS)
    for value, known in ((format, formats), (precision, get_args(Precision))):
        if value not in known:
            raise OptionError(f"{value!r} is none of {', '.join(known)}.")
    check_positive(samples=samples)
    check_output(out, EXPORTERS[format].ending if format in EXPORTERS else ENDINGS[format])
    _require(format, precision)
    detector = load_detector(checkpoint, backend="torch")
    if detector.card.members:
        remedy = "Export the checkpoint of each member; predict with each and combine the scores."
        raise OptionError("An ensemble cuts faces for each member", remedy=remedy)
    crops = example_crops(detector.card.preprocessing, manifest, samples).images
    expected = scores_of(detector, crops)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / out.name
        program = write_form(detector, format, precision, crops, made)
        if format in EXPORTERS:
            logits = EXPORTERS[format].logits(made, crops)
            found = {format: probabilities(logits, detector.card.calibration)}
        elif program is None:
            found = _readers(made, crops)
        else:
            found = {"torch": _program_scores(program, detector.card, crops)}
        differences = {name: float(abs(each - expected).max()) for name, each in found.items()}
        _check(out, differences, precision, len(crops))
        paths = [out.with_name(file.name) for file in sorted(Path(folder).iterdir())]
        for path in paths:  # .bin before .xml, which names its hash
            write_bytes((Path(folder) / path.name).read_bytes(), path)
    size = sum(path.stat().st_size for path in paths)
    return Exported(tuple(paths), size, len(crops), differences, BOUNDS[precision])


def write_form(detector: Any, format: str, precision: Precision, crops: Pixels, path: Path) -> Any:
    """Write a form of a detector without a look at its scores; gives back a torch program."""
    graph = inference_graph(detector.network, detector.card.preprocessing)
    if format in EXPORTERS:
        return EXPORTERS[format].write(graph, detector.card, path)
    if format == "torch-export":
        return write_program(graph, detector.card, path)
    write = write_onnx if format == "onnx" else write_openvino
    return write(graph, detector.card, precision, crops, path)


def scores_of(detector: Any, crops: Pixels) -> NDArray[np.float64]:
    """Scores of crops (N, S, S, 3), a few at a time."""
    parts = np.array_split(crops, -(-len(crops) // 8))
    return np.concatenate([detector.score_resized(part) for part in parts])


def _readers(path: Path, crops: Pixels) -> dict[str, NDArray[np.float64]]:
    """The scores of an artefact in every backend here that reads it."""
    able = [name for name in SUFFIXES[path.suffix.lower()] if name in installed()]
    if not able:
        raise DependencyError("No runtime is installed that could check the export", extra="onnx")
    return {name: scores_of(load_detector(path, backend=name), crops) for name in able}


def _program_scores(program: Any, card: Card, crops: Pixels) -> NDArray[np.float64]:
    import torch

    module = program.module()
    with torch.no_grad():
        parts = [torch.from_numpy(part) for part in np.array_split(crops, -(-len(crops) // 8))]
        logits = np.concatenate([module(part)[0].numpy() for part in parts])
    return probabilities(logits, card.calibration)


def _check(out: Path, differences: dict[str, float], precision: Precision, crops: int) -> None:
    name, worst = max(differences.items(), key=lambda pair: pair[1])
    if worst <= BOUNDS[precision]:
        return
    reason = f"is not written: in {name} a score of {crops} crops differs by {worst:.2g}, more "
    remedy = "Export it in fp32." if precision != "fp32" else "Please report it."
    if precision == "int8":
        remedy = "Calibrate on more of your own crops with --manifest, or export it in bf16."
    raise OutputError(f"{reason}than {BOUNDS[precision]:g}", remedy=remedy, path=out)


def _require(format: str, precision: Precision) -> None:
    if format not in ("onnx", "openvino") and precision != "fp32":
        remedy = "Use --format onnx or openvino, or --precision fp32."
        raise OptionError(f"{format} keeps float32", remedy=remedy)
    wanted = PACKAGES.get(format, []) + (["onnxruntime"] if precision == "int8" else [])
    if missing := [name for name in wanted if find_spec(name) is None]:
        extra = "onnx" if missing != ["openvino"] else "openvino"
        raise DependencyError(f"{format} needs {' and '.join(missing)}", extra=extra)
