"""What "auto" means on this machine: the arithmetic and the memory layout that are fastest."""

import ctypes
import platform
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch

from telltrace.errors import OptionError

from .config import HardwareConfig, Settings

CPU_INFO = Path("/proc/cpuinfo")


def resolve_precision(precision: str, device: str) -> str:
    """Fabric's name of the arithmetic; "auto" is bfloat16 where the device computes with it.

    Weights, statistics and gradients stay float32 in any case; convolutions and products are
    what is computed in bfloat16. CPUs without instructions for it would emulate them slowly.
    """
    if precision != "auto":
        return precision
    if device != "cpu" and torch.cuda.is_available():
        capable = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        flags = CPU_INFO.read_text() if CPU_INFO.is_file() else ""
        capable = "avx512_bf16" in flags or "amx_bf16" in flags
    return "bf16-mixed" if capable else "32-true"


def resolve_hardware(hardware: HardwareConfig) -> HardwareConfig:
    """The same without "auto"; an OptionError if the choices exclude each other."""
    layout, strategy = hardware.layout, hardware.strategy
    sharded = strategy == "fsdp" and hardware.processes > 1
    if sharded and layout == "channels_last":
        remedy = "Use --hardware.layout contiguous, or --hardware.strategy ddp."
        reason = "Weights that processes share (fsdp) cannot lie channels_last"
        raise OptionError(reason, remedy=remedy)
    if layout == "auto":
        layout = "contiguous" if sharded else "channels_last"
    return replace(hardware, layout=layout, strategy="ddp" if strategy == "auto" else strategy)


def keep_freed_memory() -> None:
    """Have the C library keep the memory that tensors free, where it is glibc's.

    By default it returns large blocks to the system, which hands them back page by page, zeroed:
    a third of the time of a training step on a CPU (16.5 to 24.5 images/s, EfficientNet-Lite0 at
    192 pixels on two cores).
    """
    trim_threshold, top_pad, mmap_max = -1, -2, -4  # names of malloc.h
    with suppress(AttributeError, OSError):  # another C library, or another system
        for setting in ((trim_threshold, 2**31 - 1), (top_pad, 2**26), (mmap_max, 0)):
            ctypes.CDLL(None).mallopt(*setting)


def describe_hardware(settings: Settings, device: torch.device) -> str:
    """What was chosen, in one line for the reader."""
    hardware, pieces = settings.hardware, settings.optim.accumulate
    shared, count = f"({hardware.strategy}, batch normalisation shared)", hardware.processes
    more = {
        "compiled": hardware.compile,
        "activations recomputed": hardware.recompute,
        f"batches in {pieces} pieces": pieces > 1,
        f"{count} processes {shared}": count > 1,
    }
    chosen = [settings.precision, hardware.layout, *(text for text, so in more.items() if so)]
    return f"{device_name(device)}: {', '.join(chosen)}"


def device_name(device: torch.device) -> str:
    """The device and its model, and for a CPU how many threads compute."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({platform.machine()}, {torch.get_num_threads()} threads)"
