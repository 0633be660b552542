"""MesoNets as published, in PyTorch and in Keras: their weights in, and out again."""

import re
from collections.abc import Mapping
from math import isqrt

import torch
from torch import Tensor, nn

from ..models.meso import STRIDE, Inception, MesoNet, meso4, meso_inception4
from ..models.xception_weights import take

_BUILD = {"meso4": meso4, "meso_inception4": meso_inception4}
_STATISTICS = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def load_meso(name: str, state: Mapping[str, Tensor]) -> MesoNet:
    """Build the detector that a state dict of the PyTorch port describes, and fill it.

    Args:
        name: ``meso4`` or ``meso_inception4``.
        state: State dict as DeepfakeBench and MesoNet-Pytorch save it; all names may start with
            a prefix, such as ``backbone.``.

    Raises:
        ValueError: If tensors are missing, left over or of another shape.
    """
    mark = "fc1.weight"
    prefix = next((key.removesuffix(mark) for key in state if key.endswith(mark)), "")
    state = {key.removeprefix(prefix): tensor for key, tensor in state.items()}
    what = f"a published {name}"
    if mark not in state or "fc2.weight" not in state:
        raise ValueError(
            f"This state dict is not {what}: it has no fc1.weight and fc2.weight but "
            f"{', '.join(sorted(state)[:3]) or 'nothing'}."
        )
    hidden = state[mark]
    detector = _BUILD[name](
        num_classes=len(state["fc2.weight"]), image_size=_side(hidden.shape[1])
    ).to(hidden.dtype)
    names = _names(detector)
    detector.load_state_dict(take(detector, state, names.__getitem__, what=what))
    return detector


def export_meso(detector: MesoNet) -> dict[str, Tensor]:
    """Turn a detector into the state dict of the PyTorch port.

    Raises:
        ValueError: If the detector has the layout of the Keras code.
    """
    if detector.layout != "torch":
        raise ValueError('Only MesoNets of layout="torch" have a published state dict.')
    names = _names(detector)
    return {names[ours]: tensor for ours, tensor in detector.state_dict().items()}


def load_meso_keras(weights: Mapping[str, Tensor]) -> tuple[str, MesoNet]:
    """Build the detector whose Keras weights these are, and fill it.

    Keras's one output says 1 for *real*. Half of its logit becomes the logit of real, minus half
    that of fake, so the softmax of ours is its sigmoid and nothing is rounded.

    Args:
        weights: Tensors of the published HDF5 files by name, such as ``conv2d_5/kernel:0``;
            what stands before the last two parts of a name does not matter.

    Returns:
        The detector's name, and the detector in ``layout="keras"``.

    Raises:
        ValueError: If these are no weights of Meso-4 or MesoInception-4.
    """
    convs, norms, dense = (
        _in_order(weights, kind) for kind in ("conv2d", "batch_normalization", "dense")
    )
    name = {4: "meso4", 16: "meso_inception4"}.get(len(convs), "")
    try:
        if not name or (len(norms), len(dense)) != (4, 2):
            raise ValueError(
                f"{len(convs)} convolutions, {len(norms)} normalisations and {len(dense)} "
                "dense layers"
            )
        side = _side(dense[0]["kernel"].shape[0])
        detector = _BUILD[name](image_size=side, layout="keras")
        return name, _fill_from_keras(detector, convs, norms, dense)
    except (KeyError, RuntimeError, ValueError) as error:
        raise ValueError(
            "These are not the published Keras weights of Meso-4 or MesoInception-4 "
            f"(4 or 16 convolutions, 4 normalisations, 2 dense layers): {error}."
        ) from None


def _fill_from_keras(
    detector: MesoNet,
    convs: list[dict[str, Tensor]],
    norms: list[dict[str, Tensor]],
    dense: list[dict[str, Tensor]],
) -> MesoNet:
    state = detector.state_dict()
    places = [n for n, m in detector.layers.named_modules() if isinstance(m, nn.Conv2d)]
    for place, conv in zip(places, convs, strict=True):
        state[f"layers.{place}.weight"] = conv["kernel"].permute(3, 2, 0, 1)
        state[f"layers.{place}.bias"] = conv["bias"]
    for number, norm in enumerate(norms):
        for ours, theirs in _STATISTICS.items():
            state[f"norms.{number}.{ours}"] = norm[theirs]
    cells = detector.image_size // STRIDE  # Keras flattens rows, columns, channels
    hidden, last = dense
    kernel = hidden["kernel"].reshape(cells, cells, -1, hidden["kernel"].shape[1])
    state["head.1.weight"] = kernel.permute(3, 2, 0, 1).flatten(1)
    state["head.1.bias"] = hidden["bias"]
    state["head.4.weight"] = torch.cat([last["kernel"].T, -last["kernel"].T]) / 2
    state["head.4.bias"] = torch.cat([last["bias"], -last["bias"]]) / 2
    detector.load_state_dict({key: tensor.contiguous() for key, tensor in state.items()})
    return detector


def _in_order(weights: Mapping[str, Tensor], kind: str) -> list[dict[str, Tensor]]:
    """Layers of a kind as they were made: Keras counts them, over all networks of a session."""
    layers: dict[int, dict[str, Tensor]] = {}
    for name, tensor in weights.items():
        found = re.search(rf"(?:^|/){kind}(?:_(\d+))?/(\w+)(?::0)?$", name)
        if found:
            layers.setdefault(int(found[1] or 0), {})[found[2]] = tensor
    return [layers[number] for number in sorted(layers)]


def _side(cells: int) -> int:
    """Side of the image whose last map, 16 channels wide, has that many numbers."""
    return STRIDE * isqrt(cells // 16)


def _names(detector: MesoNet) -> dict[str, str]:
    """From our name of every tensor to the PyTorch port's, which counts parts by kind."""
    names, plain = {}, 0
    norms: dict[int, str] = {}
    for number, (layer, norm) in enumerate(zip(detector.layers, detector.norm_of, strict=True)):
        if isinstance(layer, Inception):
            theirs = f"Incption{number + 1}"  # sic
            for branch in range(4):
                for place, step in {0: "_1", 2: "_2"}.items() if branch else [(0, "")]:
                    ours = f"layers.{number}.branches.{branch}.{place}.weight"
                    names[ours] = f"{theirs}_conv{branch + 1}{step}.weight"
            norms[norm] = f"{theirs}_bn"
        else:
            plain += 1
            names[f"layers.{number}.0.weight"] = f"conv{plain}.weight"
            shared = sum(1 for other in norms.values() if other.startswith("bn"))
            norms.setdefault(norm, f"bn{shared + 1}")
    for norm, theirs in norms.items():
        for tensor in (*_STATISTICS, "num_batches_tracked"):
            names[f"norms.{norm}.{tensor}"] = f"{theirs}.{tensor}"
    for ours, theirs in {"head.1": "fc1", "head.4": "fc2"}.items():
        for tensor in ("weight", "bias"):
            names[f"{ours}.{tensor}"] = f"{theirs}.{tensor}"
    return names
