"""A user's own network, made by a function of the user's, as a detector."""

from importlib import import_module

from torch import Tensor, nn

from telltrace.errors import OptionError

from .classes import Classes, in_order

_WANTED = "Let the function take no argument and return a network."


class External(nn.Module):
    """The network that a function without arguments returns, its outputs in our order.

    (B, 3, H, W) normalised images to (B, 2) logits of real and fake.

    Args:
        path: ``module:function``, of a module that Python finds.
        classes: What the network's outputs, (B, 2), (B, 1) or (B,) logits, say.

    Raises:
        OptionError: If there is no such module or function, or it returns no network.
    """

    def __init__(self, path: str, *, classes: Classes = "real,fake") -> None:
        super().__init__()
        self.path, self.classes = path, classes
        self.network = _made(path)

    def forward(self, image: Tensor) -> Tensor:
        logits = self.network(image)
        if not isinstance(logits, Tensor) or logits.ndim not in (1, 2):
            what = f"shape {[*logits.shape]}" if isinstance(logits, Tensor) else f"{type(logits)}"
            reason = f"the network of {self.path} answers {what}, not logits (B, 2), (B, 1) or (B,)"
            raise OptionError(reason, remedy="Let the function return a network that does.")
        return in_order(logits if logits.ndim == 2 else logits[:, None], self.classes, 1)


def _made(path: str) -> nn.Module:
    module, _, function = path.partition(":")
    try:
        make = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        reason = f"there is no external:{path} ({error})"
        remedy = "Give external:module:function, and its folder in PYTHONPATH."
        raise OptionError(reason, remedy=remedy) from None
    try:
        network = make()
    except TypeError as error:  # it takes arguments, or is no function
        raise OptionError(f"external:{path} cannot be called ({error})", remedy=_WANTED) from None
    if not isinstance(network, nn.Module):
        reason = f"external:{path} returned {type(network).__name__}, not a torch.nn.Module"
        raise OptionError(reason, remedy=_WANTED)
    return network
