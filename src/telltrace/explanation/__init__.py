"""Where in a face a detector looks, and what stands inside the papers' networks."""

from .attention import ATTENTION, forgery_attention, grad_cam
from .pictures import draw_attention, draw_embeddings, draw_inside
from .streams import embeddings, inner_maps

__all__ = [
    "ATTENTION", "draw_attention", "draw_embeddings", "draw_inside", "embeddings",
    "forgery_attention", "grad_cam", "inner_maps",
]  # fmt: skip
