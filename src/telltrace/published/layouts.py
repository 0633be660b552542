"""Every published layout by name.

A new one is a :class:`Layout` in the file that is named after its detector, and one line here.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from telltrace.errors import OptionError

from . import f3net, information_bottleneck, m2tr, meso, multi_task, sficonv, two_stream, xception
from .layout import Layout

LAYOUTS: dict[str, Layout] = {
    "f3net_fad": f3net.FAD,
    "ib_efficientnet_b0": information_bottleneck.EFFICIENTNET_B0,
    "ib_mobilenet": information_bottleneck.MOBILENET,
    "ib_resnet34": information_bottleneck.RESNET34,
    "m2tr": m2tr.M2TR_EFFICIENTNET,
    "meso-keras": meso.KERAS,
    "meso4": meso.MESO4,
    "meso_inception4": meso.MESO_INCEPTION4,
    "multi-task": multi_task.FILES,
    "multi_task": multi_task.STATE_DICT,
    "sfi_resnet26": sficonv.released(26),
    "sfi_resnet50": sficonv.released(50),
    "sfi_resnet101": sficonv.released(101),
    "sfi_resnet152": sficonv.released(152),
    "two_stream_xception": two_stream.TWO_STREAM,
    "xception": xception.XCEPTION,
}
"""Published layouts by name. Those with a preprocessing can be imported as checkpoints."""


def load_published(name: str, state: Mapping[str, Tensor]) -> nn.Module:
    """Build a detector in its published form and fill it with its authors' weights.

    The published form has the wiring and the constants of the released code, even where a
    detector that we train does better; the answers are the released network's own.

    Args:
        name: Key of :data:`LAYOUTS`.
        state: State dict in the authors' layout, read with ``torch.load(..., weights_only=True)``.

    Raises:
        OptionError: If there is no such layout.
        CheckpointError: If the state dict is not in it.
    """
    if name not in LAYOUTS:
        raise OptionError(
            f"No published layout is known for {name!r}; there are {', '.join(LAYOUTS)}."
        )
    return LAYOUTS[name].load(state)[2]


def export_published(detector: nn.Module) -> dict[str, Tensor]:
    """Turn a detector into the state dict that its authors' released code reads.

    Raises:
        OptionError: If nobody published such a network; the message says what would do.
    """
    layouts = [layout for layout in LAYOUTS.values() if layout.kind is type(detector)]
    reasons = {layout.refuse(detector): layout for layout in layouts}
    if "" in reasons:
        return reasons[""].export(detector)
    if reasons:
        raise OptionError(next(iter(reasons)))
    known = ", ".join(sorted({layout.kind.__name__ for layout in LAYOUTS.values() if layout.kind}))
    raise OptionError(f"{type(detector).__name__} has no published layout; these have: {known}.")
