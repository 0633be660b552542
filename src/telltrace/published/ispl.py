"""The networks of Bonettini et al. (ICPR 2020), in."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from telltrace.data.transforms import Preprocessing
from telltrace.errors import CheckpointError
from telltrace.faces.align import FaceCrop
from telltrace.files import file_sha256
from telltrace.models.state_dicts import read_state_dict

from .efficientnet import b4
from .layout import Layout, State, two_logits
from .xception import DEEPFAKEBENCH as XCEPTION

LICENCE = "not stated for the weights (their code: GPL-3.0)"
CLASSES = "one logit, whose sigmoid is the probability of fake"
PREPROCESSING = Preprocessing(crop=FaceCrop(size=224, alignment="ispl"), image_size=224)
_EPS = 1e-5
"""Of PyTorch's BatchNorm."""


def read_verified(files: Sequence[Path]) -> State:
    """The tensors of a file; a CheckpointError if its name ends in another SHA-256 than its own."""
    (path,) = files
    if named := re.search(r"-([0-9a-f]{8,64})$", path.stem):
        found = file_sha256(path)
        if not found.startswith(named[1]):
            text = f"its name says SHA-256 {named[1]}, its content has {found}"
            raise CheckpointError(text, remedy="Download it again.", path=path)
    return read_state_dict(path)


def _fold(state: State, detector: Any) -> None:
    """One linear layer for the normalisation and the linear layer of a siamese head."""
    norm, last = "classifier.0", "classifier.1"
    mean, var = (state.pop(f"{norm}.running_{which}") for which in ("mean", "var"))
    gain = state.pop(f"{norm}.weight") * (var + _EPS).rsqrt()
    state.pop(f"{norm}.num_batches_tracked", None)
    shift = state.pop(f"{norm}.bias") - gain * mean
    state[f"{last}.bias"] = state[f"{last}.bias"] + state[f"{last}.weight"] @ shift
    state[f"{last}.weight"] = state[f"{last}.weight"] * gain
    two_logits(last)(state, detector)


def _layout(kind: str, attention: bool, siamese: bool) -> Layout:
    prefix, head = ("feat_ext.", "classifier.1") if siamese else ("", "classifier")
    return Layout(
        **b4(f"{prefix}efficientnet.", head, attention=attention),
        source=f"{kind} (Bonettini et al., ICPR 2020), released weights",
        licence=LICENCE,
        classes=CLASSES,
        files=(f"{kind}_TRAINED-ON_bestval-SHA256.pth",),
        read=read_verified,
        preprocessing=PREPROCESSING,
        simplify=_fold if siamese else two_logits(head),
        ignored=("feat_ext.classifier.",) if siamese else (),
    )


_XCEPTION = replace(
    XCEPTION,
    source="Xception (Bonettini et al., ICPR 2020), released weights",
    licence=LICENCE,
    classes=CLASSES,
    files=("Xception_TRAINED-ON_bestval-SHA256.pth",),
    read=read_verified,
    preprocessing=PREPROCESSING,
    frames="logits",
    simplify=two_logits("last_linear"),
)

LAYOUTS = {
    f"ispl_{kind.lower()}": _layout(kind, attention="Att" in kind, siamese="ST" in kind)
    for kind in (
        "EfficientNetB4", "EfficientNetB4ST", "EfficientNetAutoAttB4", "EfficientNetAutoAttB4ST",
    )
} | {"ispl_xception": _XCEPTION}  # fmt: skip
