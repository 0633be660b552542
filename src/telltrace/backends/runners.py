"""One protocol for all backends: arrays in, arrays out."""

import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError
from ..files import write_bytes
from ..jobs.threads import thread_count
from .cache import prepared
from .choice import BackendName

if TYPE_CHECKING:
    import torch
    from torch import nn

Array = NDArray[Any]
Ends = tuple[list[tuple[str, tuple[int, ...], str]], list[set[str]]]
"""Inputs by name, with their sizes behind the first axis and their type, and names of outputs."""


class Runner(Protocol):
    """A network that is ready to compute; several threads may call it at the same time."""

    @property
    def backend(self) -> BackendName:
        """What computes it."""

    def __call__(self, *inputs: Array) -> tuple[Array, ...]:
        """Every output, for the inputs in their order."""


class TorchRunner:
    """A network in PyTorch, as it is now: weights that change later change what it gives.

    It is in evaluation mode while it computes.
    """

    backend: BackendName = "torch"

    def __init__(self, network: "nn.Module", device: "str | torch.device", half: bool) -> None:
        import torch

        self.network, self.device, self.half = network, torch.device(device), half

    def __call__(self, *inputs: Array) -> tuple[Array, ...]:
        import torch

        learning = [part for part in self.network.modules() if part.training]
        automatic = torch.autocast(self.device.type, torch.bfloat16, enabled=self.half)
        try:
            for part in learning:
                part.training = False
            with torch.inference_mode(), automatic:
                given = self.network(*(torch.as_tensor(array).to(self.device) for array in inputs))
        finally:
            for part in learning:
                part.training = True
        several = given if isinstance(given, tuple) else (given,)
        return tuple(
            one.float().cpu().numpy() if self.half else one.cpu().numpy() for one in several
        )


class OnnxRunner:
    """A graph in ONNX Runtime, on the processor."""

    backend: BackendName = "onnx"

    def __init__(self, source: bytes | Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors, which are raised as well
        content = source if isinstance(source, bytes) else str(source)
        self.session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
        self.names = [one.name for one in self.session.get_inputs()]

    def __call__(self, *inputs: Array) -> tuple[Array, ...]:
        return tuple(self.session.run(None, dict(zip(self.names, inputs, strict=True))))

    def ends(self) -> Ends:
        """What goes in and comes out."""
        inputs = self.session.get_inputs()
        given = [(one.name, tuple(one.shape[1:]), one.type[len("tensor(") : -1]) for one in inputs]
        return given, [{one.name} for one in self.session.get_outputs()]


class OpenVinoRunner:
    """A graph in OpenVINO, on the processor."""

    backend: BackendName = "openvino"

    def __init__(self, source: bytes | Path, precision: str, threads: int) -> None:
        core = _openvino()
        model = core.read_model(source if isinstance(source, bytes) else str(source))
        settings = {
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,  # every process would bind its threads to the same cores
        }
        self.model = core.compile_model(model, "CPU", settings)
        self.requests = threading.local()

    def __call__(self, *inputs: Array) -> tuple[Array, ...]:
        if not hasattr(self.requests, "own"):
            self.requests.own = self.model.create_infer_request()
        given = self.requests.own.infer(list(inputs))
        return tuple(np.array(given[output]) for output in self.model.outputs)

    def ends(self) -> Ends:
        """What goes in and comes out."""
        given = [
            (
                one.any_name,
                tuple(size.max_length for size in list(one.partial_shape)[1:]),
                one.element_type.to_dtype().name,
            )
            for one in self.model.inputs
        ]
        return given, [one.names for one in self.model.outputs]


@cache
def _openvino() -> Any:
    """OpenVINO, to the end of this process: one that goes leaves the thread's signal stack freed.

    It replaces that stack, on which Python handles signals, by a larger one, and brings the former
    back at its end, which another one may have freed. Signals are then handled in memory that is
    somebody else's.
    """
    import openvino

    return openvino.Core()


def torch_runner(
    network: "nn.Module", device: "str | torch.device" = "cpu", precision: str = "float32"
) -> TorchRunner:
    """Let PyTorch compute a network that is on this device, in "float32" or "bfloat16"."""
    return TorchRunner(network, device, precision == "bfloat16")


def onnx_runner(source: bytes | Path, threads: int | None = None) -> OnnxRunner:
    """Let ONNX Runtime compute a graph: a serialised model or its file."""
    return OnnxRunner(source, threads or thread_count())


def openvino_runner(
    source: bytes | Path, precision: str = "float32", threads: int | None = None
) -> OpenVinoRunner:
    """Let OpenVINO compute an ONNX graph or one of its own, in "float32" or "bfloat16"."""
    return OpenVinoRunner(source, precision, threads or thread_count())


def open_runner(
    source: bytes | Path, backend: BackendName, precision: str = "float32"
) -> OnnxRunner | OpenVinoRunner:
    """Let ONNX Runtime or OpenVINO compute a graph."""
    assert backend != "torch", "PyTorch computes networks, not graphs"
    return openvino_runner(source, precision) if backend == "openvino" else onnx_runner(source)


def prepared_runner(
    name: str, make: Callable[[], bytes], backend: BackendName, precision: str = "float32"
) -> Runner:
    """A graph of the cache, ready to compute; made where it is missing, and again if damaged."""
    path = prepared(name, make)
    try:
        return open_runner(path, backend, precision)
    except Exception:  # each runtime has errors of its own
        write_bytes(make(), path)
    try:
        return open_runner(path, backend, precision)
    except Exception as error:
        reason = f"{backend} cannot compute this graph ({error})"
        raise OutputError(reason, remedy="Use --backend torch.", path=path) from None
