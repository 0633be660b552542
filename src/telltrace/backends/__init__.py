"""Backends: a network ready to compute, whatever computes it.

PyTorch is always there; ONNX Runtime and OpenVINO, where they are installed, compute the same in
less time and start without PyTorch.
"""

from .cache import cache_folder, is_prepared, prepared
from .choice import BACKENDS, Backend, BackendName, choose_backend, choose_device, installed
from .onnx_form import to_onnx
from .runners import (
    Runner,
    onnx_runner,
    open_runner,
    openvino_runner,
    prepared_runner,
    settle,
    torch_runner,
)

__all__ = [
    "BACKENDS",
    "Backend",
    "BackendName",
    "Runner",
    "cache_folder",
    "choose_backend",
    "choose_device",
    "installed",
    "is_prepared",
    "onnx_runner",
    "open_runner",
    "openvino_runner",
    "prepared",
    "prepared_runner",
    "settle",
    "to_onnx",
    "torch_runner",
]
