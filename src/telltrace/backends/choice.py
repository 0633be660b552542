"""Which backends this machine has, and which of them to use."""

import ctypes
import sys
from importlib.util import find_spec
from typing import Final, Literal, get_args

from ..errors import DependencyError, OptionError

BackendName = Literal["openvino", "onnx", "torch"]
Backend = Literal["auto", "openvino", "onnx", "torch"]

BACKENDS: Final[dict[BackendName, str]] = {
    "openvino": "openvino",
    "onnx": "onnxruntime",
    "torch": "torch",
}
"""The module of each, the fastest first (docs/performance.md)."""


def installed() -> list[BackendName]:
    """The backends of this machine, the fastest first."""
    return [name for name, module in BACKENDS.items() if find_spec(module) is not None]


def choose_backend(name: str = "auto") -> BackendName:
    """The fastest backend that is installed, or the one that is named.

    A name that is none is an OptionError, one that is not installed a DependencyError.
    """
    if name == "auto":
        return installed()[0]
    if name not in BACKENDS:
        raise OptionError(f"backend must be one of {', '.join(get_args(Backend))}, got {name!r}.")
    if find_spec(BACKENDS[name]) is None:
        remedy = f"Run: pip install 'telltrace[{name}]'"
        raise DependencyError(f"The backend {name} is not installed", remedy=remedy)
    return name


def choose_device(name: str, backend: str = "auto") -> str:
    """The device meant by "auto", "cpu" or "cuda", which is an OptionError without a GPU.

    "auto" is the processor where a backend is asked for that computes there alone.
    """
    if name == "auto" and backend not in ("auto", "torch"):
        return "cpu"
    found = name != "cpu" and _has_gpu()
    if name == "cuda" and not found:
        remedy = "Use --device cpu, or check the driver."
        raise OptionError("No CUDA device was found", remedy=remedy)
    return "cuda" if found else "cpu"


def _has_gpu() -> bool:
    """Whether PyTorch finds a GPU; without a driver it is not even imported."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()
