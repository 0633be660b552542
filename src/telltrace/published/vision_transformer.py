"""What the published layouts of vision transformers share."""

from collections.abc import Callable, Mapping

import torch

from .layout import State, renamed

LAYERS = {
    ".norm1.": ".layer_norm1.",
    ".norm2.": ".layer_norm2.",
    ".attn.qkv.": ".self_attn.qkv.",
    ".attn.proj.": ".self_attn.out_proj.",
}
"""Of a block of CLIP and SigLIP in the names of Hugging Face."""


def join_attention(state: State, parts: tuple[str, str, str], whole: str) -> None:
    """Join query, key and value, named ``parts``, of each attention into one matrix, in place.

    Tensors of ``PREFIX.part.weight`` (D, D) and ``.bias`` (D,) become ``PREFIX.whole.weight``
    (3 D, D) and ``.bias`` (3 D,), as timm computes them. A part that is missing is a KeyError.
    """
    ends = [f".{parts[0]}.{leaf}" for leaf in ("weight", "bias")]
    for name in [name for name in state if name.endswith(tuple(ends))]:
        leaf = name.rpartition(".")[2]
        prefix = name.removesuffix(f".{parts[0]}.{leaf}")
        joined = torch.cat([state.pop(f"{prefix}.{part}.{leaf}") for part in parts])
        state[f"{prefix}.{whole}.{leaf}"] = joined


def renamer(parts: Mapping[str, str], layers: Mapping[str, str]) -> Callable[[str], str]:
    """From our names to published ones: the part that a name begins with, and what is inside."""

    def rename(name: str) -> str:
        name = renamed(parts, name)
        for inside, theirs in layers.items():
            name = name.replace(inside, theirs)
        return name

    return rename
