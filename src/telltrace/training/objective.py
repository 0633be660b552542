"""The loss that a run minimises: one of those that the detector names, or cross-entropy."""

import inspect
from dataclasses import asdict
from typing import Any

from torch import nn

from telltrace.errors import OptionError
from telltrace.losses import CrossEntropy
from telltrace.training.config import ObjectiveConfig


def create_objective(
    network: nn.Module, config: ObjectiveConfig, *, paired: bool = False
) -> nn.Module:
    """The objective that the settings name, or the first one of the detector's class.

    It is a module, because some learn weights of their own; these are trained and saved with the
    network.

    Args:
        network: The detector.
        config: What to minimise; an objective takes the settings that its arguments name.
        paired: Batches hold faces and then the forgeries made from them, in the same order.

    Raises:
        OptionError: If the detector has no such objective.
    """
    named: tuple[Any, ...] = getattr(network, "objectives", ())
    known = {kind.name: kind for kind in (*named, CrossEntropy)}
    own = next(iter(known))
    name = own if config.name == "auto" else config.name
    if name not in known:
        raise OptionError(
            f"{type(network).__name__} has no objective {name!r}, only {', '.join(known)}",
            remedy=f"Use --objective.name {own}.",
        )
    settings = {**asdict(config), "paired": paired}
    wanted = inspect.signature(known[name]).parameters
    given = {key: value for key, value in settings.items() if key in wanted and value is not None}
    objective: nn.Module = known[name](**given)
    return objective
