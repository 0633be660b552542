"""The released two-stream state dict: into our detector, and out of it again."""

from collections.abc import Mapping
from math import isqrt

import torch
from torch import Tensor

from ..models.two_stream import STRIDE, TwoStreamXception
from ..models.xception_weights import published_name, take

UNUSED_HEAD = "xception_srm.model.last_linear.1"
"""The noise stream's classifier, which the released network carries and never asks."""

_PREFIXES = {
    "rgb": "xception_rgb.model",
    "noise": "xception_srm.model",
    "extract1.mix": "srm_conv1.out_conv",
    "extract2.mix": "srm_conv2.out_conv",
    "guide.stem": "srm_sa.conv",
    "guide.attend.conv": "srm_sa.pa.conv",
    "guided": "srm_sa_post",
    "fusion.mix": "fusion.convblk",
    "fusion.attend.squeeze": "fusion.ca.sharedMLP.0",
    "fusion.attend.excite": "fusion.ca.sharedMLP.2",
    "head": "xception_rgb.model.last_linear.1",
}
_CROSS = {
    "key1": "key_conv1",
    "key2": "key_conv2",
    "shared_key": "key_conv_share",
    "places1": "linear1",
    "places2": "linear2",
    "value1": "value_conv1",
    "value2": "value_conv2",
    "gate1": "gamma1",
    "gate2": "gamma2",
}
_KERNELS = {
    "srm_conv0.kernel": "residual",
    "srm_conv1.kernel": "extract1",
    "srm_conv2.kernel": "extract2",
    "srm_sa.srm.kernel": "residual",
}


def _released_name(name: str) -> str:
    part, rest = name.split(".", 1)
    if part in ("rgb", "noise"):
        return f"{_PREFIXES[part]}.{published_name(rest)}"
    if part in ("cross1", "cross2"):
        layer, dot, leaf = rest.partition(".")
        return f"dual_cma{int(part[-1]) - 1}.{_CROSS[layer]}{dot}{leaf}"
    prefix = next(p for p in _PREFIXES if name.startswith(f"{p}."))
    return _PREFIXES[prefix] + name.removeprefix(prefix)


def load_two_stream(state: Mapping[str, Tensor]) -> TwoStreamXception:
    """Build the detector that a released two-stream state dict describes, and fill it.

    Image size and number of classes are read from the shapes. The SRM kernels, constants of the
    architecture, are checked for their shape where they are given; the noise stream's
    classifier, which nothing ever asks, is left out.

    Args:
        state: State dict of the released ``Two_Stream_Net``.

    Raises:
        ValueError: If tensors are missing, left over or of another shape.
    """
    places, head = state.get("dual_cma0.linear1.weight"), state.get(_released_name("head.weight"))
    if places is None or head is None:
        raise ValueError(
            "This is no released two-stream network: dual_cma0 or its head is missing."
        )
    detector = TwoStreamXception(
        image_size=STRIDE * isqrt(places.shape[0]),
        num_classes=head.shape[0],
        head="linear",
        released=True,
    ).to(head.dtype)
    for name, part in _KERNELS.items():
        wanted = detector.get_submodule(part).get_buffer("kernel").shape
        if name in state and state[name].shape != wanted:
            raise ValueError(f"{name} is {tuple(state[name].shape)} instead of {tuple(wanted)}.")
    found = take(
        detector,
        state,
        _released_name,
        what="a released two-stream network",
        ignore=(*_KERNELS, UNUSED_HEAD),
    )
    detector.load_state_dict(found)
    return detector


def export_two_stream(detector: TwoStreamXception) -> dict[str, Tensor]:
    """Turn a detector into the released state dict, complete enough for a strict load there.

    The noise stream's unused classifier is filled with zeros.

    Args:
        detector: Built with ``released=True`` and ``head="linear"``, as the released code
            computes nothing else.

    Raises:
        ValueError: If the detector computes something that the released code cannot.
    """
    if not detector.released or not isinstance(detector.head, torch.nn.Linear):
        raise ValueError(
            "The released code cannot compute this detector: build it with released=True and "
            'head="linear" to train for that layout.'
        )
    state = {_released_name(name): tensor for name, tensor in detector.state_dict().items()}
    for name, part in _KERNELS.items():
        state[name] = detector.get_submodule(part).get_buffer("kernel")
    for leaf, tensor in detector.head.state_dict().items():
        state[f"{UNUSED_HEAD}.{leaf}"] = torch.zeros_like(tensor)
    return state
