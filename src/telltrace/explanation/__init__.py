"""Where in a face a detector looks, and what stands inside the papers' networks."""

from .attention import ATTENTION, embeddings, forgery_attention, grad_cam, inner_maps
from .pictures import draw_attention, draw_embeddings, draw_inside

__all__ = [
    "ATTENTION", "draw_attention", "draw_embeddings", "draw_inside", "embeddings",
    "forgery_attention", "grad_cam", "inner_maps",
]  # fmt: skip
