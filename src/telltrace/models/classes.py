"""Outputs of others' classifiers in our order: 0 real, 1 fake."""

from typing import Literal, get_args

import torch
from torch import Tensor

from telltrace.errors import OptionError

Classes = Literal["real,fake", "fake,real", "fake", "real"]
"""What a classifier's outputs say, first to last; a single one is the logit of its class."""


def in_order(values: Tensor, classes: Classes, dim: int) -> Tensor:
    """The pair (real, fake) of what belongs to a classifier's outputs, along ``dim``.

    These are logits, or the rows of the last layer. A single logit z of being fake becomes
    (0, z), whose softmax is its sigmoid. Another number of outputs than ``classes`` has is an
    OptionError.

    Examples:
        >>> in_order(torch.tensor([[3.0]]), "real", 1)
        tensor([[3., 0.]])
    """
    if classes not in get_args(Classes):
        raise OptionError(f"classes must be one of {' '.join(get_args(Classes))}, got {classes!r}.")
    count, found = len(classes.split(",")), values.shape[dim]
    if found != count:
        reason = f"the network has {found} output(s), and classes {classes!r} are {count}"
        remedy = f"Name both, first to last, or the one: {' '.join(get_args(Classes))}."
        raise OptionError(reason, remedy=remedy)
    if count == 2:
        return values if classes == "real,fake" else values.flip(dim)
    pair = [torch.zeros_like(values), values]
    return torch.cat(pair if classes == "fake" else pair[::-1], dim)
