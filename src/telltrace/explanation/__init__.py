"""Where in a face a detector looks."""

from .attention import ATTENTION, forgery_attention, grad_cam

__all__ = ["ATTENTION", "forgery_attention", "grad_cam"]
