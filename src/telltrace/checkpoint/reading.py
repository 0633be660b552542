"""Checkpoint files: read and written whole, never unpickled."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from safetensors import SafetensorError, safe_open

from telltrace.errors import CheckpointError
from telltrace.files import atomic_write, check_disk_space

from .artefacts import is_artefact, read_notes
from .card import Card

if TYPE_CHECKING:
    from torch import Tensor, nn

BUNDLED: Final = Path(__file__).parents[1] / "weights" / "default.safetensors"
"""The detector that is used when none is named."""


def save_checkpoint(path: str | Path, network: "nn.Module", card: Card) -> None:
    """Write weights and card as one file, atomically, or raise an OSError."""
    write_tensors(Path(path), dict(network.state_dict()), {"card": card.to_json()})


def write_tensors(path: Path, tensors: "dict[str, Tensor]", metadata: dict[str, str]) -> None:
    """Write a safetensors file, atomically; an OutputError where the disk has no room for it."""
    from safetensors.torch import save_file

    check_disk_space(path, sum(tensor.nbytes for tensor in tensors.values()))
    plain = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    with atomic_write(path) as partial:
        try:
            save_file(plain, partial, metadata)
        except SafetensorError as error:
            raise OSError(str(error)) from None


def read_tensors(path: Path) -> "tuple[dict[str, Tensor], dict[str, str]]":
    """Tensors and metadata of a safetensors file; a CheckpointError where it is no whole one."""
    with _opened(path, "pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118


@contextmanager
def _opened(path: Path, framework: str = "np") -> Iterator[Any]:
    """A safetensors file whose tensors are read when they are asked for."""
    if not path.is_file():
        remedy = "Give the path of a .safetensors checkpoint, or none for the one in the package."
        what = "is a folder" if path.is_dir() else "no such file"
        raise CheckpointError(what, remedy=remedy, path=path)
    if not os.access(path, os.R_OK):  # of which safetensors says that it is not there
        raise CheckpointError("you may not read it", remedy="Change its permissions.", path=path)
    try:
        with safe_open(path, framework) as file:
            yield file
    except (SafetensorError, OSError) as error:
        message = f"not a complete safetensors file ({error})"
        remedy = "Download or train it again; pickled .pt and .pth files are never loaded."
        raise CheckpointError(message, remedy=remedy, path=path) from None


def read_card(path: Path) -> Card:
    """The card of a checkpoint or exported detector, or a CheckpointError."""
    if path.suffix == ".pt2":
        reason = "torch.export's files may run code when they are loaded, so telltrace opens none"
        remedy = "Use the checkpoint, or an .onnx or .xml of it."
        raise CheckpointError(reason, remedy=remedy, path=path)
    if is_artefact(path):
        return _card(path, read_notes(path))
    with _opened(path) as file:
        return _card(path, file.metadata() or {})


def _card(path: Path, metadata: dict[str, str]) -> Card:
    if "card" not in metadata:
        message = "holds tensors but no telltrace card, so nothing says which detector they are of"
        remedy = "Use best.safetensors, which `telltrace train` wrote."
        raise CheckpointError(message, remedy=remedy, path=path)
    try:
        return Card.from_json(metadata["card"])
    except (ValueError, TypeError, KeyError) as error:
        why = f"an unknown or missing entry {error}" if isinstance(error, KeyError) else error
        message = f"its card cannot be read ({why})"
        remedy = "It may come from a newer telltrace."
        raise CheckpointError(message, remedy=remedy, path=path) from None
