"""Image classifiers of two classes in the folders of Hugging Face: a config, weights, pixels."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from telltrace.data.transforms import Preprocessing
from telltrace.errors import CheckpointError, OptionError
from telltrace.models.classes import Classes, in_order
from telltrace.models.state_dicts import read_state_dict

from .layout import Layout, State
from .timm_networks import stated, timm_layout
from .vision_transformer import LAYERS, join_attention, renamer

REAL = frozenset({
    "real", "realism", "authentic", "genuine", "human", "natural", "original", "pristine", "live",
    "bonafide",
})  # fmt: skip
FAKE = frozenset({
    "fake", "deepfake", "deepfakes", "ai", "artificial", "synthetic", "generated", "manipulated",
    "forged", "forgery", "altered", "edited", "tampered", "spoof",
})  # fmt: skip
"""Words of labels; one with words of both kinds, or with a negation, says nothing."""

CONFIG, PIXELS = "config.json", "preprocessor_config.json"
WEIGHTS = "model.safetensors", "pytorch_model.bin"
ACTIVATIONS = {
    "gelu": "gelu", "gelu_pytorch_tanh": "gelu_tanh", "gelu_new": "gelu_tanh",
    "quick_gelu": "quick_gelu",
}  # fmt: skip
"""What the config calls a perceptron's activation, and we."""
OPTIONS = {
    "image_size": "image_size",
    "patch_size": "patch_size",
    "width": "hidden_size",
    "depth": "num_hidden_layers",
    "heads": "num_attention_heads",
    "hidden": "intermediate_size",
    "qkv_bias": "qkv_bias",
    "epsilon": "layer_norm_eps",
}
"""Options of ours, and what the config calls them."""
DEFAULTS = {
    "image_size": 224, "patch_size": 16, "hidden_size": 768, "num_hidden_layers": 12,
    "num_attention_heads": 12, "intermediate_size": 3072, "qkv_bias": True,
}  # fmt: skip
"""What a config need not say."""


class Kind(NamedTuple):
    """A family of transformers: its names, and what its configs need not say."""

    parts: dict[str, str]
    layers: dict[str, str]
    attention: tuple[str, str, str]
    defaults: dict[str, Any]
    pool: str = "token"
    section: str = ""
    """Part of the config that describes the network; the whole of it if empty."""
    ignored: tuple[str, ...] = ()


KINDS = {
    "vit": Kind(
        {
            "cls_token": "vit.embeddings.cls_token",
            "pos_embed": "vit.embeddings.position_embeddings",
            "patch_embed.proj.": "vit.embeddings.patch_embeddings.projection.",
            "blocks.": "vit.encoder.layer.",
            "norm.": "vit.layernorm.",
            "head.": "classifier.",
        },
        {
            ".norm1.": ".layernorm_before.",
            ".norm2.": ".layernorm_after.",
            ".attn.qkv.": ".attention.attention.qkv.",
            ".attn.proj.": ".attention.output.dense.",
            ".mlp.fc1.": ".intermediate.dense.",
            ".mlp.fc2.": ".output.dense.",
        },
        ("query", "key", "value"),
        {"hidden_act": "gelu", "layer_norm_eps": 1e-12},
        ignored=("vit.pooler.",),
    ),
    "siglip": Kind(
        {
            "pos_embed": "vision_model.embeddings.position_embedding.weight",
            "patch_embed.proj.": "vision_model.embeddings.patch_embedding.",
            "blocks.": "vision_model.encoder.layers.",
            "norm.": "vision_model.post_layernorm.",
            "head.": "classifier.",
        },
        LAYERS,
        ("q_proj", "k_proj", "v_proj"),
        {"hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6},
        pool="mean",
        section="vision_config",
        ignored=("vision_model.head.",),
    ),
}
"""By ``model_type``: ViTForImageClassification and SiglipForImageClassification."""


def members(folder: Path) -> list[Path]:
    """The files of a folder that an import reads; a CheckpointError if one is missing."""
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if weights is None or not (folder / CONFIG).is_file():
        reason = f"holds no {CONFIG} with {' or '.join(WEIGHTS)}"
        raise CheckpointError(
            reason, remedy="Give the folder of the downloaded model.", path=folder
        )
    pixels = [path for path in [folder / PIXELS] if path.is_file()]
    return [folder / CONFIG, weights, *pixels]


def folder_layout(files: Sequence[Path], classes: Classes | None, image_size: int | None) -> Layout:
    """The layout of a folder's :func:`members`: a ViT, a SigLIP, or a network of timm.

    The order of the classes is that of the labels in the config. A CheckpointError says which
    network or label is not understood.
    """
    if len(files) < 2 or files[0].name != CONFIG:
        remedy = "telltrace import-weights huggingface FOLDER OUT"
        raise OptionError("huggingface takes the FOLDER of a model", remedy=remedy)
    config = _read(files[0])
    order = _order(config, classes, files[0])
    if "architecture" in config:
        layout = _timm(config, order, image_size, files[0])
    elif config.get("model_type") in KINDS:
        layout = _transformer(config, order, image_size, files)
    else:
        kind = config.get("model_type", "network of no model_type")
        remedy = "ViT, SigLIP and timm's are read; use external:module:function for others."
        raise CheckpointError(f"is a {kind}", remedy=remedy, path=files[0])
    names = tuple(path.name for path in files)
    return replace(layout, files=names, read=lambda given: read_state_dict(given[1]))


def _transformer(
    config: Mapping[str, Any], order: Classes, image_size: int | None, files: Sequence[Path]
) -> Layout:
    kind = KINDS[config["model_type"]]
    described = config.get(kind.section, {}) if kind.section else config
    known: dict[str, Any] = {**DEFAULTS, **kind.defaults, **described}
    size, activation = known["image_size"], known["hidden_act"]
    if image_size not in (None, size):
        raise OptionError(f"image_size must be {size}, for which the network was made.")
    if activation not in ACTIVATIONS:
        there = ", ".join(ACTIVATIONS)
        raise CheckpointError(f"has hidden_act {activation!r}, not {there}", path=files[0])
    options = {ours: known[theirs] for ours, theirs in OPTIONS.items()}
    options |= {"activation": ACTIVATIONS[activation], "pool": kind.pool}
    position = kind.parts["pos_embed"]

    def simplify(state: State, detector: Any) -> None:
        join_attention(state, kind.attention, "qkv")
        state[position] = state[position].reshape(1, -1, state[position].shape[-1])
        for name in ("classifier.weight", "classifier.bias"):
            state[name] = in_order(state[name], order, 0)

    return Layout(
        source=f"a {config['model_type']} image classifier of Hugging Face",
        classes=order,
        preprocessing=_pixels(size, files),
        mark=position,
        describe=lambda state: ("vit", options),
        simplify=simplify,
        ignored=kind.ignored,
        rename=renamer(kind.parts, kind.layers),
    )


def _pixels(size: int, files: Sequence[Path]) -> Preprocessing:
    if len(files) < 3:
        reason = f"there is no {PIXELS} beside it, so nothing says how pixels are normalised"
        raise CheckpointError(reason, remedy="Download it too.", path=files[0])
    said = _read(files[2])
    scale = said.get("rescale_factor", 1 / 255) if said.get("do_rescale", True) else 1.0
    if abs(255 * scale - 1) > 1e-6 or said.get("rescale_offset", False):
        reason = "brings pixels to another range than [0, 1] before it normalises them"
        raise CheckpointError(reason, remedy="Use external:module:function.", path=files[2])
    mean, std = said.get("image_mean"), said.get("image_std")
    if not said.get("do_normalize", True):
        mean, std = (0.0,) * 3, (1.0,) * 3
    if mean is None or std is None:
        raise CheckpointError("has no image_mean and image_std", path=files[2])
    return Preprocessing(image_size=size, mean=tuple(mean), std=tuple(std))


def _timm(config: Mapping[str, Any], order: Classes, image_size: int | None, path: Path) -> Layout:
    if changed := config.get("model_args"):
        remedy = "Import its weights with external:module:function."
        raise CheckpointError(f"changes timm's network by {changed}", remedy=remedy, path=path)
    about = config.get("pretrained_cfg", config)
    given = {key: tuple(about[key]) for key in ("mean", "std", "input_size") if key in about}
    name = str(config["architecture"]).partition(".")[0]
    return timm_layout(name, order, image_size, given)


def _order(config: Mapping[str, Any], classes: Classes | None, path: Path) -> Classes:
    """What the labels say, or else the user."""
    about = config.get("pretrained_cfg", {})
    labels = config.get("id2label") or config.get("label_names") or about.get("label_names") or {}
    numbered = dict(enumerate(labels)) if isinstance(labels, list) else labels
    said = [label_class(numbered[key]) for key in sorted(numbered, key=str)]
    if sorted(said) == ["fake", "real"]:
        order: Classes = "real,fake" if said == ["real", "fake"] else "fake,real"
        if classes not in (None, order):
            raise OptionError(f"classes are {order} by the labels {numbered}, not {classes}.")
        return order
    if len(numbered) != 2 or classes is None:
        reason = f"its labels {numbered} do not say which of two is real and which is fake"
        remedy = "Ask its authors, and give --classes real,fake or fake,real if there are two."
        raise CheckpointError(reason, remedy=remedy, path=path)
    return stated(classes)


def label_class(label: object) -> str:
    """``"real"`` or ``"fake"`` as a label says, or ``""``.

    Examples:
        >>> label_class("Deepfake"), label_class("Real image"), label_class("not real")
        ('fake', 'real', '')
    """
    words = set(re.findall(r"[a-z]+", str(label).lower()))
    kinds = [kind for kind, known in (("real", REAL), ("fake", FAKE)) if words & known]
    return kinds[0] if len(kinds) == 1 and not words & {"not", "non", "no"} else ""


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise CheckpointError(f"is no JSON ({error})", remedy="Get it again.", path=path) from None
    if not isinstance(found, dict):
        raise CheckpointError("holds no settings", remedy="Get it again.", path=path)
    return found
