"""Where in a face a detector looks, how good such maps are, and the papers' networks inside."""

from typing import TYPE_CHECKING

from telltrace.lazy import lazy_names

__all__ = [
    "METHODS", "draw_attention", "draw_embeddings", "draw_inside", "embeddings",
    "explain_crops", "forgery_attention", "grad_cam", "inner_maps", "methods_of",
]  # fmt: skip

if TYPE_CHECKING:
    from .gradients import forgery_attention, grad_cam
    from .inside import embeddings, inner_maps
    from .methods import METHODS, explain_crops, methods_of
    from .pictures import draw_attention, draw_embeddings, draw_inside
else:  # these import torch
    __getattr__ = lazy_names(
        __name__,
        {
            "gradients": "forgery_attention grad_cam",
            "inside": "embeddings inner_maps",
            "methods": "METHODS explain_crops methods_of",
            "pictures": "draw_attention draw_embeddings draw_inside",
        },
    )
