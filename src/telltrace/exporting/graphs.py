"""The files of every format and precision, written into a folder."""

import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from telltrace.checkpoint.artefacts import Precision, notes
from telltrace.checkpoint.graph import ScoringGraph, onnx_graph

if TYPE_CHECKING:
    from telltrace.checkpoint import Card

Format = Literal["onnx", "openvino", "torch-export"]
SMALL: Final = 64
"""Tensors of fewer numbers keep 32 bits: they are biases and constants, and cost nothing."""
PRODUCTS: Final = ["Conv", "MatMul", "Gemm"]
"""Operators that are computed in 8 bits."""


def write_onnx(
    graph: ScoringGraph, card: "Card", precision: Precision, crops: NDArray[np.uint8], path: Path
) -> None:
    """A graph as one ONNX file; ``crops`` calibrate what is in integers."""
    _onnx_model(graph, card, precision, crops, path)


def write_openvino(
    graph: ScoringGraph, card: "Card", precision: Precision, crops: NDArray[np.uint8], path: Path
) -> None:
    """A graph as OpenVINO's .xml and, beside it, .bin."""
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "graph.onnx"
        _onnx_model(graph, card, precision, crops, source)
        model = openvino.Core().read_model(source)
        openvino.save_model(model, path, compress_to_fp16=False)
        for name, text in notes(card, precision, path.with_suffix(".bin")).items():
            model.set_rt_info(text, [name])
        openvino.save_model(model, path, compress_to_fp16=False)


def write_program(graph: ScoringGraph, card: "Card", path: Path) -> Any:
    """A graph as torch.export's program, which is given back too."""
    size = graph.preprocessing.image_size
    crops = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    number = torch.export.Dim("crops", min=1, max=4096)
    with _quiet():
        program = torch.export.export(graph, (crops,), dynamic_shapes=({0: number},))
        said = {f"{name}.txt": text for name, text in notes(card, "fp32").items()}
        torch.export.save(program, path, extra_files=said)
    return program


def _onnx_model(
    graph: ScoringGraph, card: "Card", precision: Precision, crops: NDArray[np.uint8], path: Path
) -> None:
    import onnx

    model = onnx.load_model_from_string(onnx_graph(graph))
    if precision == "int8":
        model = quantised(model, crops)
    elif precision != "fp32":
        _halve(model, precision)
    onnx.helper.set_model_props(model, notes(card, precision))
    onnx.save_model(model, path)


def _halve(model: Any, precision: Precision) -> None:
    """Store weights in 16 bits; a Cast behind each gives 32 bits back."""
    from onnx import TensorProto, helper, numpy_helper

    kind, wanted = {
        "fp16": (TensorProto.FLOAT16, torch.float16),
        "bf16": (TensorProto.BFLOAT16, torch.bfloat16),
    }[precision]
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALL:
            continue
        half = torch.from_numpy(numpy_helper.to_array(tensor).copy()).to(wanted)
        if not torch.isfinite(half).all():
            continue  # beyond 65504
        name, raw = tensor.name, half.view(torch.int16).numpy().tobytes()
        stored = helper.make_tensor(f"{name}_{precision}", kind, tensor.dims, raw, raw=True)
        casts.append(helper.make_node("Cast", [stored.name], [name], to=TensorProto.FLOAT))
        tensor.CopyFrom(stored)
    nodes = [*model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])


def quantised(model: Any, images: NDArray[Any]) -> Any:
    """An ONNX graph of one input with products in 8 bits, weights by channel.

    Ranges are measured on ``images``, (N, ...). The first product, depthwise convolutions and the
    products that give the outputs stay in float32: in 8 bits they cost the detector in the package
    .07 of its AUC.
    """
    import onnx
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        batches: Iterator[NDArray[Any]] = iter(np.array_split(images, -(-len(images) // 8)))

        def get_next(self) -> dict[str, NDArray[Any]] | None:
            batch = next(self.batches, None)
            return None if batch is None else {model.graph.input[0].name: batch}

    with tempfile.TemporaryDirectory() as folder, _quiet():
        source, made = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        onnx.save_model(model, source)
        quantization.quantize_static(
            source, made, Reader(), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            op_types_to_quantize=PRODUCTS, nodes_to_exclude=_delicate(model.graph),
        )  # fmt: skip
        return onnx.load_model(made)


def _delicate(graph: Any) -> list[str]:
    """The names of the products that `quantised` leaves in float32."""
    products = [node for node in graph.node if node.op_type in PRODUCTS]
    made_by = {name: node for node in graph.node for name in node.output}
    groups = {node.name: [a.i for a in node.attribute if a.name == "group"] for node in products}
    kept = {products[0].name, *(name for name, group in groups.items() if max([*group, 1]) > 1)}
    behind = [output.name for output in graph.output]
    while behind:
        node = made_by.get(behind.pop())
        if node is not None and node.op_type in PRODUCTS:
            kept.add(node.name)
        elif node is not None:
            behind += node.input
    return sorted(kept)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings and logs of exporters, which say nothing to their user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
