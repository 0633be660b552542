"""Classifiers of two classes that anybody trained: under timm's names, or a user's own network."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from telltrace.data.transforms import Preprocessing
from telltrace.errors import OptionError
from telltrace.models.classes import Classes, in_order
from telltrace.models.plain import timm_network

from .layout import Layout, State


def timm_layout(
    name: str, classes: Classes | None, image_size: int | None, given: Mapping[str, Any] = {}
) -> Layout:
    """The layout of a network of timm that somebody trained for real and fake.

    Its preprocessing is timm's for the network; ``given`` replaces entries of timm's
    ``pretrained_cfg``. A file does not say which of its outputs is fake: without ``classes`` it is
    an OptionError.
    """
    with torch.device("meta"):
        network = timm_network(name, num_classes=2)
    about = network.pretrained_cfg | given
    heads = about["classifier"]
    heads = (heads,) if isinstance(heads, str) else tuple(heads)
    expected, usual = image_size or about["input_size"][-1], network.pretrained_cfg["input_size"]
    fixed = about.get("fixed_input_size") and expected != usual[-1]

    def simplify(state: State, detector: Any) -> None:
        for head in heads:
            for leaf in ("weight", "bias"):
                state[f"{head}.{leaf}"] = in_order(state[f"{head}.{leaf}"], stated(classes), 0)

    return Layout(
        source=f"a classifier of timm's {name}",
        classes=str(classes),
        preprocessing=replace(
            Preprocessing(mean=about["mean"], std=about["std"]), image_size=expected
        ),
        mark=next(iter(network.state_dict())),
        describe=lambda state: (f"timm:{name}", {"image_size": expected} if fixed else {}),
        simplify=simplify,
    )


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


def stated(classes: Classes | None) -> Classes:
    """The classes that the user names; an OptionError where they must be named."""
    if classes is None:
        reason = "nothing in this file says which output is of real faces and which of fake ones"
        remedy = "Give --classes real,fake or fake,real; for a single logit, the class it is of."
        raise OptionError(reason, remedy=remedy)
    return classes
