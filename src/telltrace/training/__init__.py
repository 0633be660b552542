"""Training: settings and face crops in, a checkpoint out."""

from .config import DataConfig, HardwareConfig, ObjectiveConfig, OptimConfig, SourceConfig
from .run import train

__all__ = [
    "DataConfig", "HardwareConfig", "ObjectiveConfig", "OptimConfig", "SourceConfig", "train",
]  # fmt: skip
