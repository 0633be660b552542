"""The published Y-shaped autoencoder, in and out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from telltrace.data.transforms import Preprocessing
from telltrace.models.multi_task import LATENT, MultiTask
from telltrace.models.state_dicts import read_state_dict

from .layout import Layout, State

_PARTS = {
    "encoder": "encoder.encoder",
    "shared": "decoder.shared",
    "segmenter": "decoder.segmenter",
    "reconstructor": "decoder.decoder",
}
_LAYERS = {"conv": 0, "norm": 1, "0": 0, "1": 1}


def _describe(state: State) -> tuple[str, dict[str, Any]]:
    return "multi_task", {"num_classes": len(state["encoder.encoder.24.weight"]) // LATENT}


def _rename(name: str) -> str:
    """Theirs counts convolution, normalisation and activation of all layers in one row."""
    part, number, *rest = name.split(".")
    layer = rest[0] if len(rest) > 1 else "conv"
    return f"{_PARTS[part]}.{3 * int(number) + _LAYERS[layer]}.{rest[-1]}"


def _read_pair(files: Sequence[Path]) -> State:
    """Both files as one state dict in which class 1 is fake.

    The published second class is real: the authors' folders, ``altered`` and ``original``, follow
    the alphabet, and on FaceForensics++ real faces excite the second share of the latent. So the
    shares are exchanged; segmentation and reconstruction stay what they were.
    """
    state = {
        f"{part}.{name}": tensor
        for part, path in zip(("encoder", "decoder"), files, strict=True)
        for name, tensor in read_state_dict(path).items()
    }
    latent = ("encoder.encoder.24.", "encoder.encoder.25.", "decoder.shared.0.weight")
    return {
        name: tensor.roll(LATENT, 0) if name.startswith(latent) and tensor.ndim else tensor
        for name, tensor in state.items()
    }


STATE_DICT = Layout(
    source="a published Y-shaped autoencoder, encoder and decoder in one",
    describe=_describe,
    absorbed=("encoder.", "decoder."),
    rename=_rename,
    kind=MultiTask,
)
"""Names behind ``encoder.`` and ``decoder.``; the order of the classes stays."""
FILES = replace(
    STATE_DICT,
    source="ClassNSeg (Nguyen et al., BTAS 2019), published weights",
    licence="BSD-3-Clause, as its repository",
    classes="0 fake, 1 real",
    files=("ENCODER.pt", "DECODER.pt"),
    read=_read_pair,
    preprocessing=Preprocessing(),
)
