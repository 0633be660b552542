"""One protocol for all backends: arrays in, arrays out."""

import logging
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

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

SEVERAL: Final = 4
"""Items that are computed together where there are many."""
STREAMS: Final = 2
"""Groups of so many items that are computed at the same time, at most."""
MANY: Final = 256
"""Items after which it pays to compile a second graph."""
logger = logging.getLogger(__name__)


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
    """A graph in OpenVINO, on the processor.

    OpenVINO computes a graph for a fixed number of items faster than one for any number: a fifth,
    measured on two cores. So items go one at a time through all threads. After `MANY` of them a
    second graph is compiled, for four at a time, and is used if it gives the same numbers.

    Args:
        source: A serialised graph, or its file, which is read once.
        precision: "float32" or "bfloat16".
        threads: Processor threads.
        varying: All items at once, through a graph for any number: for items so small that calls
            cost more than they, or of several sizes.
    """

    backend: BackendName = "openvino"

    def __init__(
        self, source: bytes | Path, precision: str, threads: int, varying: bool = False
    ) -> None:
        graph = _openvino().read_model(source if isinstance(source, bytes) else str(source))
        settings = {
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # every process would bind its threads to the same cores
        }
        self._one = _Compiled(graph.clone(), settings, None if varying else 1)
        self._several: _Compiled | None = None
        self._streams = min(threads, STREAMS)
        self._group = SEVERAL * self._streams
        self._source: Any = None if varying else (graph, settings)
        self._count, self._lock = 0, threading.Lock()

    def __call__(self, *inputs: Array) -> tuple[Array, ...]:
        count = len(inputs[0])
        self._count += count
        many = count - count % self._group
        if many and self._count >= MANY:
            self.settle(*inputs)
        if self._several is None or not many:
            return self._one(inputs)
        parts = [self._several([array[:many] for array in inputs])]
        if many < count:
            parts.append(self._one([array[many:] for array in inputs]))
        return tuple(map(np.concatenate, zip(*parts, strict=True)))

    def settle(self, *inputs: Array) -> None:
        """Compile now what is else compiled after `MANY` items, if these are a group to compare."""
        with self._lock:
            if self._source is None or len(inputs[0]) < self._group:
                return
            (graph, settings), self._source = self._source, None
            try:
                several = _Compiled(graph, settings, SEVERAL, self._streams)
            except Exception as error:  # such as too little memory
                logger.warning("OpenVINO computes one item at a time: %s", error)
                return
            group = [array[: self._group] for array in inputs]
            if all(map(np.array_equal, several(group), self._one(group))):
                self._several = several

    def ends(self) -> Ends:
        """What goes in and comes out."""
        return self._one.ends


class _Compiled:
    """A graph for ``size`` items, or any number of them, that ``streams`` requests compute."""

    def __init__(
        self, graph: Any, settings: dict[str, Any], size: int | None, streams: int = 1
    ) -> None:
        given = [(one.any_name, list(one.partial_shape)[1:], one) for one in graph.inputs]
        self.ends: Ends = (
            [
                (name, tuple(side.max_length for side in sides), one.element_type.to_dtype().name)
                for name, sides, one in given
            ],
            [one.names for one in graph.outputs],
        )
        if size is not None:
            graph.reshape({name: [size, *sides] for name, sides, _ in given})
        self.model = _openvino().compile_model(graph, "CPU", settings | {"NUM_STREAMS": streams})
        self.size, self.streams, self.local = size, streams, threading.local()

    def __call__(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        count, given = len(inputs[0]), self.model.outputs
        if not count and self.size:
            sizes = [(tuple(one.shape)[1:], one.element_type) for one in given]
            return tuple(np.zeros((0, *sides), kind.to_dtype()) for sides, kind in sizes)
        requests = self.local.__dict__.pop("requests", None)  # not kept if one of them fails
        requests = requests or [self.model.create_infer_request() for _ in range(self.streams)]
        size, parts = self.size or max(count, 1), []
        starts = range(0, max(count, 1), size)
        for first in range(0, len(starts), self.streams):
            started = starts[first : first + self.streams]
            busy = requests[: len(started)]
            for request, start in zip(busy, started, strict=True):
                request.start_async([array[start : start + size] for array in inputs])
            for request in busy:
                request.wait()
            parts += [[np.array(one.get_tensor(out).data) for out in given] for one in busy]
        self.local.requests = requests
        return tuple(map(np.concatenate, zip(*parts, strict=True)))


def settle(runner: Runner, *inputs: Array) -> None:
    """Make a runner at once as fast as it is after many items such as these."""
    if isinstance(runner, OpenVinoRunner):
        runner.settle(*inputs)


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
    source: bytes | Path,
    precision: str = "float32",
    threads: int | None = None,
    varying: bool = False,
) -> OpenVinoRunner:
    """Let OpenVINO compute an ONNX graph or one of its own, in "float32" or "bfloat16"."""
    return OpenVinoRunner(source, precision, threads or thread_count(), varying)


def open_runner(
    source: bytes | Path, backend: BackendName, precision: str = "float32", varying: bool = False
) -> OnnxRunner | OpenVinoRunner:
    """Let ONNX Runtime or OpenVINO compute a graph; see `OpenVinoRunner` for ``varying``."""
    assert backend != "torch", "PyTorch computes networks, not graphs"
    if backend == "onnx":
        return onnx_runner(source)
    return openvino_runner(source, precision, varying=varying)


def prepared_runner(
    name: str,
    make: Callable[[], bytes],
    backend: BackendName,
    precision: str = "float32",
    varying: bool = False,
) -> Runner:
    """A graph of the cache, ready to compute; made where it is missing, and again if damaged."""
    path = prepared(name, make)
    try:
        return open_runner(path, backend, precision, varying)
    except Exception:  # each runtime has errors of its own
        write_bytes(make(), path)
    try:
        return open_runner(path, backend, precision, varying)
    except Exception as error:
        reason = f"{backend} cannot compute this graph ({error})"
        raise OutputError(reason, remedy="Use --backend torch.", path=path) from None
