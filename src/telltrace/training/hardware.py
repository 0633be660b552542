"""What "auto" means on this machine: the arithmetic and the memory layout that are fastest."""

import ctypes
import platform
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from telltrace.training.config import HardwareConfig, OptimConfig

CPU_LIST = Path("/proc/cpuinfo")


def settle_precision(precision: str, device: str) -> str:
    """Fabric's name of the arithmetic; "auto" is bfloat16 where the device computes with it.

    Weights, statistics and gradients stay float32 in any case; convolutions and products are
    what is computed in bfloat16. CPUs without instructions for it would imitate them slowly.

    Args:
        precision: "auto", or a name that is kept.
        device: "auto", "cpu" or "cuda".
    """
    if precision != "auto":
        return precision
    if device != "cpu" and torch.cuda.is_available():
        capable = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        capable = _cpu_has_bfloat16()
    return "bf16-mixed" if capable else "32-true"


def _cpu_has_bfloat16() -> bool:
    flags = CPU_LIST.read_text() if CPU_LIST.is_file() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def keep_freed_memory() -> bool:
    """Have the C library keep the memory that tensors free, where it is glibc's.

    By default it returns large blocks to the system, which hands them back page by page, zeroed:
    a third of the time of a training step on a CPU (16.5 to 24.5 images/s, EfficientNet-Lite0 at
    192 pixels on two cores).

    Returns:
        Whether the C library took the settings.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library, or another system
        return False
    trim_threshold, top_pad, mmap_max = -1, -2, -4  # names of malloc.h
    most = 2**31 - 1
    return all([mallopt(trim_threshold, most), mallopt(top_pad, 2**26), mallopt(mmap_max, 0)])


def settle_hardware(hardware: HardwareConfig) -> HardwareConfig:
    """The same with nothing left to choose: channels last, which convolutions prefer.

    Raises:
        ValueError: If the choices exclude each other.
    """
    strategy = "ddp" if hardware.strategy == "auto" else hardware.strategy
    sharded = strategy == "fsdp" and hardware.processes > 1
    if sharded and hardware.layout == "channels_last":
        raise ValueError(
            "Weights that processes share (fsdp) cannot lie channels_last. "
            "Use --hardware.layout contiguous, or --hardware.strategy ddp."
        )
    preferred: Literal["channels_last", "contiguous"] = "contiguous" if sharded else "channels_last"
    layout = preferred if hardware.layout == "auto" else hardware.layout
    return replace(hardware, layout=layout, strategy=strategy)


def describe_hardware(
    hardware: HardwareConfig, optim: OptimConfig, precision: str, device: torch.device
) -> str:
    """What was chosen, in one line for the reader.

    Examples:
        >>> say = describe_hardware(HardwareConfig(), OptimConfig(), "32-true", torch.device("cpu"))
        >>> say.partition(": ")[2]
        '32-true, auto'
    """
    chosen = [precision, hardware.layout]
    if hardware.compile:
        chosen.append("compiled")
    if hardware.recompute:
        chosen.append("activations recomputed")
    if optim.accumulate > 1:
        chosen.append(f"batches in {optim.accumulate} pieces")
    if hardware.processes > 1:
        chosen.append(
            f"{hardware.processes} processes ({hardware.strategy}, batch normalisation shared)"
        )
    return f"{device_name(device)}: {', '.join(chosen)}"


def device_name(device: torch.device) -> str:
    """The device and its model, and for a CPU how many threads compute."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({platform.machine()}, {torch.get_num_threads()} threads)"
