"""The networks that won the Deepfake Detection Challenge, in."""

from functools import partial
from typing import Any

from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop

from .layout import Layout, State, renamed, two_logits

_SIDE = 380
"""The crops' in pixels; the network was made for 600."""


def _describe(state: State) -> tuple[str, dict[str, Any]]:
    assert state["fc.weight"] is not None
    return "timm:tf_efficientnet_b7", {}


B7 = Layout(
    source="EfficientNet-B7 of the DFDC winner (Seferbekov 2020), released weights",
    licence="MIT (weights are assets of the same release; DFDC's terms apply to its data)",
    classes="one logit, whose sigmoid is the probability of fake",
    files=("final_..._DeepFakeClassifier_tf_efficientnet_b7_ns_...",),
    preprocessing=Preprocessing(crop=FaceCrop(size=_SIDE, alignment="dfdc"), image_size=_SIDE),
    frames="confident",
    mark="encoder.conv_stem.weight",
    describe=_describe,
    simplify=two_logits("fc"),
    ignored=("encoder.classifier.",),
    rename=partial(renamed, {"classifier.": "fc.", "": "encoder."}),
)
"""One of seven; the authors average their probabilities."""
