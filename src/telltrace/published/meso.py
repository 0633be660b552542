"""MesoNets as published, in PyTorch (in and out) and in Keras (in)."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from math import isqrt
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from telltrace.data.transforms import Preprocessing
from telltrace.errors import CheckpointError, DependencyError
from telltrace.faces.align import FaceCrop
from telltrace.models.meso import STRIDE, Inception, MesoNet

from .layout import ANY_FILE, Layout, State, benchmark


def _side(cells: int) -> int:
    """Side of the image whose last map, 16 channels wide, has that many numbers."""
    return STRIDE * isqrt(cells // 16)


def _rename(inceptions: int, name: str) -> str:
    """The PyTorch port counts layers and normalisations by kind; ``Incption`` is its spelling."""
    part, number, *rest = name.split(".")
    index = int(number)
    if part == "head":
        return f"fc{ {1: 1, 4: 2}[index] }.{rest[0]}"
    if part == "norms":
        theirs = f"Incption{index + 1}_bn" if index < inceptions else f"bn{index + 1 - inceptions}"
        return f"{theirs}.{rest[0]}"
    if index >= inceptions:
        return f"conv{index + 1 - inceptions}.{rest[-1]}"
    _, branch, place, leaf = rest
    step = {"0": "_1", "2": "_2"}[place] if branch != "0" else ""
    return f"Incption{index + 1}_conv{int(branch) + 1}{step}.{leaf}"


def _port(name: str, inceptions: int, published: str) -> Layout:
    """The PyTorch port of DeepfakeBench and MesoNet-Pytorch."""

    def describe(state: State) -> tuple[str, dict[str, Any]]:
        size = _side(state["fc1.weight"].shape[1])
        return name, {"num_classes": len(state["fc2.weight"]), "image_size": size}

    def refuse(detector: MesoNet) -> str:
        found = sum(isinstance(layer, Inception) for layer in detector.layers)
        fits = detector.layout == "torch" and found == inceptions
        return "" if fits else 'Only MesoNets of layout="torch" have a published state dict.'

    return benchmark(
        published,
        files=ANY_FILE,
        mark="fc1.weight",
        describe=describe,
        rename=partial(_rename, inceptions),
        kind=MesoNet,
        refuse=refuse,
    )


def read_hdf5(files: Sequence[Path]) -> State:
    """Every array of numbers in an HDF5 file, by its place in it."""
    try:
        import h5py  # here, because only old Keras weights need it
    except ImportError:
        raise DependencyError("reading HDF5 takes h5py", extra="import", path=files[0]) from None
    tensors: State = {}

    def keep(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
            tensors[name] = torch.from_numpy(item[()])

    try:
        with h5py.File(files[0], "r") as file:
            file.visititems(keep)
    except OSError as error:
        text = f"not a complete HDF5 file ({error})"
        raise CheckpointError(text, remedy="Get it again.", path=files[0]) from None
    return tensors


def _layers(weights: Mapping[str, Tensor], kind: str) -> list[dict[str, Tensor]]:
    """Layers of a kind as they were made: Keras counts them, over all networks of a session."""
    layers: dict[int, dict[str, Tensor]] = {}
    for name, tensor in weights.items():
        if found := re.search(rf"(?:^|/){kind}(?:_(\d+))?/(\w+)(?::0)?$", name):
            layers.setdefault(int(found[1] or 0), {})[found[2]] = tensor
    return [layers[number] for number in sorted(layers)]


def _describe_keras(state: State) -> tuple[str, dict[str, Any]]:
    counts = [len(_layers(state, kind)) for kind in ("conv2d", "batch_normalization", "dense")]
    name = {4: "meso4", 16: "meso_inception4"}.get(counts[0])
    if name is None or counts[1:] != [4, 2]:
        raise RuntimeError("{} convolutions, {} normalisations, {} dense layers".format(*counts))
    cells = len(_layers(state, "dense")[0]["kernel"])
    return name, {"image_size": _side(cells), "layout": "keras"}


def _from_keras(state: State, detector: MesoNet) -> None:
    """Give the tensors our names and shapes.

    Half of Keras's logit of *real* becomes that of real, minus half that of fake: nothing rounds.
    """
    convs, norms, (hidden, last) = (
        _layers(state, kind) for kind in ("conv2d", "batch_normalization", "dense")
    )
    state.clear()
    places = [n for n, m in detector.layers.named_modules() if isinstance(m, nn.Conv2d)]
    for place, conv in zip(places, convs, strict=True):
        state[f"layers.{place}.weight"] = conv["kernel"].permute(3, 2, 0, 1)
        state[f"layers.{place}.bias"] = conv["bias"]
    names = {"weight": "gamma", "bias": "beta"}
    names |= {"running_mean": "moving_mean", "running_var": "moving_variance"}
    for number, norm in enumerate(norms):
        state.update({f"norms.{number}.{ours}": norm[theirs] for ours, theirs in names.items()})
    cells = detector.image_size // STRIDE  # Keras flattens rows, columns, channels
    kernel = hidden["kernel"].reshape(cells, cells, -1, hidden["kernel"].shape[1])
    state["head.1.weight"] = kernel.permute(3, 2, 0, 1).flatten(1)
    state["head.1.bias"] = hidden["bias"]
    state["head.4.weight"] = torch.cat([last["kernel"].T, -last["kernel"].T]) / 2
    state["head.4.bias"] = torch.cat([last["bias"], -last["bias"]]) / 2


MESO4 = _port("meso4", 0, "Meso-4")
MESO_INCEPTION4 = _port("meso_inception4", 2, "MesoInception-4")
KERAS = Layout(
    source="MesoNet (Afchar et al., WIFS 2018), published Keras weights",
    licence="Apache-2.0, as its repository",
    classes="one sigmoid, 1 real",
    files=("WEIGHTS.h5",),
    read=read_hdf5,
    # Their square is 2.86 times the distance of eyes and mouth, or of both eyes if that is
    # more; on FaceForensics++ this is 1.07 times the longer side of the face's box.
    preprocessing=Preprocessing(
        crop=FaceCrop(margin=1.07), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
    ),
    describe=_describe_keras,
    simplify=_from_keras,
)
