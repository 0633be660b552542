"""Weights of a user's own network, which a function of the user's builds."""

from telltrace.data.transforms import Preprocessing
from telltrace.models.classes import Classes

from .layout import Layout
from .timm_networks import stated


def external_layout(path: str, classes: Classes | None, image_size: int | None) -> Layout:
    """The layout of the network that ``module:function`` returns, under its own names."""
    known = stated(classes)
    return Layout(
        source=f"a network of external:{path}",
        classes=known,
        preprocessing=Preprocessing(image_size=image_size or 256),
        describe=lambda state: (f"external:{path}", {"classes": known}),
        rename=lambda name: name.removeprefix("network."),
    )
