"""DeepfakeBench's F3-Net state dict: into our detector, and out of it again."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ..models.f3net import F3NetFAD
from ..models.xception import FEATURES
from ..models.xception_weights import bare_names, published_name, take

FILTERS = "FAD_head.filters"
UNUSED = {
    "0.weight": (512, FEATURES, 1, 1),
    "0.bias": (512,),
    "1.weight": (512,),
    "1.bias": (512,),
    "1.running_mean": (512,),
    "1.running_var": (512,),
    "1.num_batches_tracked": (),
}
"""Leaves and shapes of ``adjust_channel``, which no forward pass of F3-Net reaches."""
_WEIGHT = "decompose.filters.weight"


def _constants(detector: F3NetFAD) -> dict[str, Tensor]:
    dct, bands = detector.decompose.dct, detector.decompose.filters.bands
    matrices = {"FAD_head._DCT_all": dct, "FAD_head._DCT_all_T": dct.T.contiguous()}
    return matrices | {f"{FILTERS}.{i}.base": band for i, band in enumerate(bands)}


def _theirs(name: str) -> str:
    part, rest = name.split(".", 1)
    if part == "features":
        return published_name(rest)
    return f"last_linear.{rest}" if part == "head" else name


def load_f3net_fad(state: Mapping[str, Tensor]) -> F3NetFAD:
    """Build the detector that a published state dict describes, and fill it.

    Image size and number of classes are read from the shapes. The cosine transform and the
    bands, constants of the architecture, are checked for their shape where they are given.

    Args:
        state: State dict of DeepfakeBench's ``F3netDetector``, as it is or behind ``module.``.

    Raises:
        ValueError: If tensors are missing, left over or of another shape.
    """
    given = bare_names({name.removeprefix("module."): t for name, t in state.items()})
    learnt = [given.pop(f"{FILTERS}.{i}.learnable", None) for i in range(4)]
    head = given.get("last_linear.weight")
    filters = [tensor for tensor in learnt if tensor is not None]
    if len(filters) < 4 or len({tensor.shape for tensor in filters}) > 1 or head is None:
        raise ValueError(
            f"This is no published F3-Net: {FILTERS}.0 to 3, of one shape, or its classifier "
            "are missing."
        )
    given[_WEIGHT] = torch.stack(filters)
    detector = F3NetFAD(
        image_size=filters[0].shape[-1], num_classes=head.shape[0], released=True
    ).to(head.dtype)
    constants = _constants(detector)
    for name, ours in constants.items():
        if name in given and given[name].shape != ours.shape:
            raise ValueError(
                f"{name} is {tuple(given[name].shape)} instead of {tuple(ours.shape)}."
            )
    ignore = (*constants, "adjust_channel.")
    what = "DeepfakeBench's F3-Net"
    detector.load_state_dict(take(detector, given, _theirs, what=what, ignore=ignore))
    return detector


def export_f3net_fad(detector: F3NetFAD) -> dict[str, Tensor]:
    """Turn a detector into the published state dict, complete enough for a strict load there.

    ``adjust_channel``, which nothing there asks, is filled with zeros.

    Args:
        detector: Built with ``released=True``, as the published code computes nothing else.

    Raises:
        ValueError: If the detector's bands are not the published ones.
    """
    if not detector.released:
        raise ValueError(
            "The published code cannot compute this detector: build it with released=True to "
            "train for that layout."
        )
    state = _constants(detector)
    for name, tensor in detector.state_dict().items():
        if name != _WEIGHT:
            state[f"backbone.{_theirs(name)}"] = tensor
    for i, learnt in enumerate(detector.decompose.filters.weight.detach()):
        state[f"{FILTERS}.{i}.learnable"] = learnt
    for leaf, shape in UNUSED.items():
        kind = torch.long if leaf.endswith("tracked") else detector.head.weight.dtype
        state[f"backbone.adjust_channel.{leaf}"] = torch.zeros(shape, dtype=kind)
    return state
