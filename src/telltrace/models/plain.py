"""Networks of timm as detectors, as they are or in space-frequency form."""

import difflib
from pathlib import Path
from typing import Any, Literal

from torch import nn

from telltrace.conversion import convert
from telltrace.errors import OptionError
from telltrace.models.state_dicts import match, read_state_dict

FAMILY, PAPER = "efficientnet", "Tan and Le, ICML 2019"


def timm_network(name: str, weights: str | Path | None = None, **options: Any) -> Any:
    """A network of timm, with options of ``timm.create_model``; errors as of `timm_detector`.

    The classifier of a file of weights is left out if it is one of other classes.
    """
    import timm  # here, and wherever it is needed: it takes seconds to import

    if not timm.is_model(name):
        close = ", ".join(difflib.get_close_matches(name, timm.list_models()))
        remedy = f"Did you mean {close}?" if close else "timm.list_models() lists those it has."
        raise OptionError(f"timm has no network {name!r}", remedy=remedy)
    network: Any = timm.create_model(name, pretrained=str(weights) == "timm", **options)
    if weights is None or str(weights) == "timm":
        return network
    own, given = network.state_dict(), read_state_dict(weights)
    heads = network.pretrained_cfg.get("classifier") or ()
    heads = tuple(f"{head}." for head in ((heads,) if isinstance(heads, str) else heads))
    fresh = {key: tensor for key, tensor in own.items() if key.startswith(heads)}
    for key in [key for key in given if key.startswith(heads)]:
        if key not in own or own[key].shape != given[key].shape:
            del given[key]
    remedy = "Save timm's network of that name: safetensors.torch.save_model(network, FILE)."
    what = f"timm's {name}"
    found = match(network, fresh | given, str, what=what, remedy=remedy, path=Path(weights))
    network.load_state_dict(found)
    return network


def timm_detector(
    backbone: str,
    *,
    num_classes: int = 2,
    weights: str | Path | None = None,
    drop_rate: float = 0.0,
    drop_path_rate: float | None = None,
    image_size: int | None = None,
) -> nn.Module:
    """A network of timm with a fresh classifier: (B, 3, H, W) to (B, num_classes) logits.

    Args:
        backbone: timm's name of it.
        num_classes: K; 2 for real and fake.
        weights: What it starts from: a file of the network's weights, such as ImageNet's, under
            timm's names; ``"timm"`` to let timm supply (and download) them; None for nothing.
        drop_rate: Dropout before the classifier.
        drop_path_rate: How often a training image skips a residual block; None for networks
            that have no such option, and for timm's own choice.
        image_size: Side of the image, in pixels, for networks made for one size (transformers);
            None for all others.

    Raises:
        OptionError: If timm has no such network; the message names the closest.
        CheckpointError: If there is no such file, or it holds another network's weights.

    Examples:
        >>> import torch
        >>> timm_detector("resnet10t").eval()(torch.rand(1, 3, 64, 64)).shape
        torch.Size([1, 2])
    """
    return timm_network(
        backbone, weights, num_classes=num_classes, drop_rate=drop_rate,
        drop_path_rate=drop_path_rate, img_size=image_size,
    )  # fmt: skip


def sfi_detector(
    backbone: str,
    *,
    alpha: float = 0.5,
    beta: float = 1.0,
    downsample: Literal["pool", "stride"] = "pool",
    kernel_size: int = 5,
    num_classes: int = 2,
    weights: str | Path | None = None,
    drop_rate: float = 0.0,
    drop_path_rate: float | None = None,
    image_size: int | None = None,
) -> nn.Module:
    """A network of timm whose convolutions let a spatial and a frequency stream interact.

    The first four options are those of :func:`~telltrace.conversion.convert`, the others those of
    :func:`timm_detector`; ``weights`` fill all but the constrained kernels, and ``image_size``, by
    default the size timm made it for, matters for networks that decide by it.

    Raises:
        OptionError: If timm has no such network, or it cannot be converted.

    References:
        Guo et al., IEEE TIFS 2024, Fig. 2 and Table III.

    Examples:
        >>> import torch
        >>> sfi_detector("resnet10t", alpha=0.25).eval()(torch.rand(1, 3, 64, 64)).shape
        torch.Size([1, 2])
    """
    network = timm_detector(
        backbone, num_classes=num_classes, weights=weights, drop_rate=drop_rate,
        drop_path_rate=drop_path_rate,
    )  # fmt: skip
    return convert(
        network, alpha, beta,
        downsample=downsample, kernel_size=kernel_size, image_size=image_size,
    )  # fmt: skip
