"""Exported detectors: graphs of ONNX and OpenVINO that carry the card of their checkpoint.

A graph is data: it is computed by operators that the runtimes have themselves. One that asks for
others, or for files besides its own, is refused, so that a stranger's file runs no code.
"""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal
from xml.etree import ElementTree

from telltrace.backends import BackendName, Runner, open_runner
from telltrace.backends.runners import OnnxRunner, OpenVinoRunner
from telltrace.errors import CheckpointError, DependencyError
from telltrace.files import file_sha256, text_sha256

from .card import Card

SUFFIXES: Final[dict[str, tuple[BackendName, ...]]] = {
    ".onnx": ("openvino", "onnx"),
    ".xml": ("openvino",),
}
"""Of exported detectors, with the backends that compute them."""
PREFIX: Final = "telltrace_"
"""Of the notes in an artefact's metadata: card, card_sha256, precision, weights_sha256."""
REMEDY: Final = "Export it again with `telltrace export`."
DOMAINS: Final = ("", "ai.onnx")
"""Of the operators that every runtime has."""

Precision = Literal["fp32", "fp16", "bf16", "int8"]


def is_artefact(path: Path) -> bool:
    """Whether a file's name says that it is an exported detector."""
    return path.suffix.lower() in SUFFIXES


def notes(card: Card, precision: Precision, weights: Path | None = None) -> dict[str, str]:
    """What an artefact's metadata says: texts by name; ``weights`` is a file beside it."""
    text = card.to_json()
    said = {"card": text, "card_sha256": text_sha256(text), "precision": precision}
    if weights is not None:
        said["weights_sha256"] = file_sha256(weights)
    return {PREFIX + name: value for name, value in said.items()}


def read_notes(path: Path) -> dict[str, str]:
    """The notes of an artefact by name, or a CheckpointError where it is no whole one of ours."""
    if not path.is_file():
        raise CheckpointError("no such file", remedy="Give the path of an artefact.", path=path)
    found = _xml_notes(path) if path.suffix.lower() == ".xml" else _onnx_notes(path)
    said = {k.removeprefix(PREFIX): v for k, v in found.items() if k.startswith(PREFIX)}
    if "card" not in said:
        message = "is a graph without a telltrace card, so nothing says what its scores mean"
        raise CheckpointError(message, remedy="Use a file of `telltrace export`.", path=path)
    if said.get("card_sha256") != text_sha256(said["card"]):
        raise CheckpointError("its card was changed after the export", remedy=REMEDY, path=path)
    return said


def open_artefact(path: Path, card: Card, backend: BackendName, precision: str) -> Runner:
    """An artefact ready to compute, or a CheckpointError; one in bf16 computes in it if it can."""
    said = read_notes(path)
    if card.members:
        reason = f"its card speaks of {len(card.members)} networks, and it is one"
        raise CheckpointError(reason, remedy=REMEDY, path=path)
    half = said.get("precision") == "bf16" and backend == "openvino"
    if path.suffix.lower() == ".xml":
        _check_weights(path, said.get("weights_sha256", ""))
    try:
        runner = open_runner(path, backend, "bfloat16" if half else precision)
    except Exception as error:  # each runtime has errors of its own
        why = " ".join(str(error).split())[-200:]
        reason = f"{backend} cannot read it ({why})"
        raise CheckpointError(reason, remedy=REMEDY, path=path) from None
    _check_ends(path, card, runner)
    return runner


def _check_weights(path: Path, expected: str) -> None:
    """The .bin beside an .xml must be there, and be the one that was written with it."""
    weights = path.with_suffix(".bin")
    if not weights.is_file():
        remedy = f"Copy {weights.name} to it; both files are the detector."
        raise CheckpointError(f"{weights.name} is missing beside it", remedy=remedy, path=path)
    if file_sha256(weights) != expected:
        reason = "is damaged, or of another export than the .xml"
        raise CheckpointError(reason, remedy=REMEDY, path=weights)


def _check_ends(path: Path, card: Card, runner: OnnxRunner | OpenVinoRunner) -> None:
    """A graph must take crops of the card's size and give what a `ScoringGraph` gives."""
    side = card.preprocessing.image_size
    given, made = runner.ends()
    named = [name in names for name, names in zip(("logits", "map"), made, strict=False)]
    if given != [("crops", (side, side, 3), "uint8")] or not all(named) or len(made) not in (1, 2):
        reason = f"takes {given} and gives {made}, not crops of {side} pixels and logits"
        raise CheckpointError(reason, remedy="Use a file of `telltrace export`.", path=path)


def _xml_notes(path: Path) -> dict[str, str]:
    """Runtime information of an OpenVINO graph."""
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        reason = f"not a complete OpenVINO graph ({error})"
        raise CheckpointError(reason, remedy=REMEDY, path=path) from None
    return {entry.tag: entry.get("value", "") for entry in root.iterfind("rt_info/*")}


def _onnx_notes(path: Path) -> dict[str, str]:
    """Metadata of an ONNX graph that is whole by itself."""
    if find_spec("onnx") is None:
        raise DependencyError("reading ONNX files takes onnx", extra="onnx", path=path)
    import onnx

    try:
        model = onnx.load_model(path, load_external_data=False)
    except Exception as error:  # protobuf's own
        reason = f"not a complete ONNX graph ({type(error).__name__})"
        raise CheckpointError(reason, remedy=REMEDY, path=path) from None
    foreign = {f"{node.domain}.{node.op_type}" for node in _nodes(model.graph)
               if node.domain not in DOMAINS}  # fmt: skip
    if foreign or model.functions:
        reason = f"asks for operators of its own ({', '.join(sorted(foreign)) or 'functions'})"
        raise CheckpointError(reason, remedy=REMEDY, path=path)
    if any(tensor.external_data for tensor in _tensors(model.graph)):
        reason = "its weights lie in other files"
        raise CheckpointError(reason, remedy=REMEDY, path=path)
    return {entry.key: entry.value for entry in model.metadata_props}


def _nodes(graph: Any) -> Iterator[Any]:
    """The nodes of an ONNX graph and of the graphs in it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in _inner(attribute):
                yield from _nodes(inner)


def _tensors(graph: Any) -> Iterator[Any]:
    """Every constant of an ONNX graph and of the graphs in it."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            sparse_values = (attribute.sparse_tensor, *attribute.sparse_tensors)
            yield from (part for one in sparse_values for part in (one.values, one.indices))
            for inner in _inner(attribute):
                yield from _tensors(inner)


def _inner(attribute: Any) -> Sequence[Any]:
    return [attribute.g, *attribute.graphs] if attribute.HasField("g") else [*attribute.graphs]
