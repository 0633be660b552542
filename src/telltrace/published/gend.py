"""GenD's released detector: CLIP's ViT-L/14 in the names of Hugging Face, with a linear head."""

from typing import Any

from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop

from .layout import Layout, State
from .vision_transformer import LAYERS, join_attention, renamer

_VISION = "feature_extractor.vision_model"
_PARTS = {
    "backbone.cls_token": f"{_VISION}.embeddings.class_embedding",
    "backbone.pos_embed": f"{_VISION}.embeddings.position_embedding.weight",
    "backbone.patch_embed.proj.": f"{_VISION}.embeddings.patch_embedding.",
    "backbone.norm_pre.": f"{_VISION}.pre_layrnorm.",
    "backbone.norm.": f"{_VISION}.post_layernorm.",
    "backbone.blocks.": f"{_VISION}.encoder.layers.",
    "head.": "model.linear.",
}


def _simplify(state: State, detector: Any) -> None:
    join_attention(state, ("q_proj", "k_proj", "v_proj"), "qkv")
    for name in (_PARTS["backbone.cls_token"], _PARTS["backbone.pos_embed"]):
        state[name] = state[name].reshape(1, -1, state[name].shape[-1])


GEND_CLIP_L14 = Layout(
    frames="mean",
    source="GenD on CLIP ViT-L/14 (Yermakov et al., 2025)",
    licence="not stated where we looked (its code and its sister model: MIT; CLIP underneath: MIT)",
    files=("model.safetensors",),
    preprocessing=Preprocessing(
        crop=FaceCrop(size=224, margin=1.3, alignment="median"),
        image_size=224,
        mean=(0.48145466, 0.4578275, 0.40821073),
        std=(0.26862954, 0.26130258, 0.27577711),
    ),
    describe=lambda _: ("ln_tuned:vit_large_patch14_clip_quickgelu_224", {}),
    in_place=True,
    simplify=_simplify,
    ignored=("feature_extractor.visual_projection.",),
    rename=renamer(_PARTS, LAYERS),
)
"""Theirs warps at the face's own size and shrinks to 224 pixels; ours does both at once."""
