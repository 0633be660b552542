"""Detectors in their published form: weights in their authors' own layouts, in and out."""

from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor, nn

from ..models.f3net import F3NetFAD
from ..models.information_bottleneck import InformationBottleneckNet
from ..models.m2tr import M2TR
from ..models.meso import MesoNet
from ..models.multi_task import MultiTask
from ..models.resnet import ResNet
from ..models.two_stream import TwoStreamXception
from ..models.xception import Xception, export_xception, load_xception
from .f3net import export_f3net_fad, load_f3net_fad
from .information_bottleneck import (
    export_information_bottleneck,
    load_information_bottleneck,
)
from .m2tr import export_m2tr, load_m2tr
from .meso import export_meso, load_meso
from .multi_task import export_multi_task, load_multi_task
from .sficonv import export_sfi_resnet, load_sfi_resnet
from .two_stream import export_two_stream, load_two_stream

State = Mapping[str, Tensor]

LOADERS: dict[str, Callable[[State], nn.Module]] = {
    "f3net_fad": load_f3net_fad,
    "ib_efficientnet_b0": partial(load_information_bottleneck, "ib_efficientnet_b0"),
    "ib_mobilenet": partial(load_information_bottleneck, "ib_mobilenet"),
    "ib_resnet34": partial(load_information_bottleneck, "ib_resnet34"),
    "m2tr": load_m2tr,
    "meso4": partial(load_meso, "meso4"),
    "meso_inception4": partial(load_meso, "meso_inception4"),
    "multi_task": load_multi_task,
    "sfi_resnet26": partial(load_sfi_resnet, "sfi_resnet26"),
    "sfi_resnet50": partial(load_sfi_resnet, "sfi_resnet50"),
    "sfi_resnet101": partial(load_sfi_resnet, "sfi_resnet101"),
    "sfi_resnet152": partial(load_sfi_resnet, "sfi_resnet152"),
    "two_stream_xception": load_two_stream,
    "xception": load_xception,
}
"""How a published state dict becomes a detector, by the detector's name."""

EXPORTERS: dict[type[nn.Module], Callable[..., dict[str, Tensor]]] = {
    F3NetFAD: export_f3net_fad,
    InformationBottleneckNet: export_information_bottleneck,
    M2TR: export_m2tr,
    MesoNet: export_meso,
    MultiTask: export_multi_task,
    ResNet: export_sfi_resnet,
    TwoStreamXception: export_two_stream,
    Xception: export_xception,
}
"""How a detector becomes a published state dict, by its class."""


def load_published(name: str, state: State) -> nn.Module:
    """Build a detector in its published form and fill it with its authors' weights.

    The published form has the wiring and the constants of the released code, even where a
    detector that we train does better; the answers are the released network's own.

    Args:
        name: Key of :data:`LOADERS`.
        state: State dict in the authors' layout, read with ``torch.load(..., weights_only=True)``.

    Raises:
        ValueError: If there is no such layout, or the state dict is not in it.
    """
    if name not in LOADERS:
        raise ValueError(
            f"No published layout is known for {name!r}; there are {', '.join(LOADERS)}."
        )
    return LOADERS[name](state)


def export_published(detector: nn.Module) -> dict[str, Tensor]:
    """Turn a detector into the state dict that its authors' released code reads.

    Raises:
        ValueError: If nobody published a network of that class.
    """
    export = EXPORTERS.get(type(detector))
    if export is None:
        classes = ", ".join(kind.__name__ for kind in EXPORTERS)
        raise ValueError(
            f"{type(detector).__name__} has no published layout; these have: {classes}."
        )
    return export(detector)
