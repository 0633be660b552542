"""Published Xception weights: what their tensors are called, and where ImageNet's come from."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

_STAGES = {
    "stem1.0": "conv1",
    "stem1.1": "bn1",
    "stem2.0": "conv2",
    "stem2.1": "bn2",
    **{f"entry.{i}": f"block{i + 1}" for i in range(3)},
    **{f"middle_first.{i}": f"block{i + 4}" for i in range(4)},
    **{f"middle_second.{i}": f"block{i + 8}" for i in range(4)},
    "exit.0": "block12",
    "tail.0": "conv3",
    "tail.1": "bn3",
    "tail.3": "conv4",
    "tail.4": "bn4",
}
_PARTS = {
    "body.": "rep.",
    "depthwise.": "conv1.",
    "shortcut.0.": "skip.",
    "shortcut.1.": "skipbn.",
}


def published_name(name: str) -> str:
    """What FaceForensics++, DeepfakeBench and timm's ``legacy_xception`` call a tensor.

    Args:
        name: Name in the state dict of :class:`~telltrace.models.xception.XceptionFeatures`.

    Examples:
        >>> published_name("entry.0.body.0.depthwise.weight")
        'block1.rep.0.conv1.weight'
    """
    stage, index, rest = name.split(".", 2)
    for ours, theirs in _PARTS.items():
        rest = rest.replace(ours, theirs)
    return f"{_STAGES[f'{stage}.{index}']}.{rest}"


def bare_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Undo what wrappers do to a published Xception's names and shapes.

    A prefix such as ``module.`` or ``backbone.`` goes, ``fc`` and the classifier inside a dropout
    become ``last_linear``, and pointwise kernels saved as matrices become kernels again.

    Args:
        state: State dict as published.

    Examples:
        >>> list(bare_names({"model.bn1.weight": torch.ones(2), "model.fc.bias": torch.ones(2)}))
        ['bn1.weight', 'last_linear.bias']
    """
    mark = "bn1.weight"
    prefix = next((name.removesuffix(mark) for name in state if name.endswith(mark)), "")
    bare = {}
    for name, tensor in state.items():
        name = name.removeprefix(prefix).replace("last_linear.1.", "last_linear.")
        if name.startswith("fc."):
            name = f"last_linear.{name.removeprefix('fc.')}"
        matrix = name.endswith("pointwise.weight") and tensor.ndim == 2
        bare[name] = tensor[:, :, None, None] if matrix else tensor
    return bare


def take(
    module: nn.Module,
    state: Mapping[str, Tensor],
    rename: Callable[[str], str],
    *,
    what: str,
    ignore: tuple[str, ...] = (),
) -> dict[str, Tensor]:
    """Pick a module's tensors out of a published state dict, and leave nothing unexplained.

    Args:
        module: Network to be filled.
        state: Published state dict. BatchNorm counters, which old files lack, may be missing.
        rename: From the module's name of a tensor to the published one.
        what: What ``state`` ought to be, for the error message.
        ignore: Beginnings of published names that the module does without.

    Returns:
        State dict under the module's own names.

    Raises:
        ValueError: If tensors are missing, left over or of another shape; all three are named.
    """
    wanted = module.state_dict()
    names = {ours: rename(ours) for ours in wanted}
    counters = {ours for ours in wanted if ours.endswith("num_batches_tracked")}
    problems = {
        "missing": [t for o, t in names.items() if t not in state and o not in counters],
        "left over": [
            t for t in state if t not in set(names.values()) and not t.startswith(ignore)
        ],
        "of another shape": [
            f"{theirs} {tuple(state[theirs].shape)} instead of {tuple(wanted[ours].shape)}"
            for ours, theirs in names.items()
            if theirs in state and state[theirs].shape != wanted[ours].shape
        ],
    }
    if any(problems.values()):
        found = "; ".join(f"{len(of)} {how}, such as {of[0]}" for how, of in problems.items() if of)
        raise ValueError(f"This state dict is not {what}: {found}.")
    return {o: state.get(t, wanted[o]) for o, t in names.items()}


def load_imagenet(features: nn.Module, weights: str | Path) -> None:
    """Fill an ``XceptionFeatures`` with ImageNet weights; the classifier they carry is left out.

    For an image of 3 n channels the first kernel is repeated n times and divided by n, so that
    n copies of a picture give the picture's own response.

    Args:
        features: Network to fill, in place.
        weights: A ``.safetensors`` or PyTorch file in a published layout, or ``"timm"``: then
            timm supplies its ``legacy_xception``, from its cache or over the network.

    Raises:
        ValueError: If there is no such file, or it holds another network; the message says
            what to give instead.
    """
    state = bare_names(_imagenet_state(weights))
    first = state.get("conv1.weight")
    channels = features.state_dict()["stem1.0.weight"].shape[1]
    if first is not None and channels % first.shape[1] == 0:
        times = channels // first.shape[1]
        state["conv1.weight"] = first.repeat(1, times, 1, 1) / times
    unused = ("last_linear.", "adjust_channel.")
    what = f"an ImageNet Xception, as {weights} should be"
    features.load_state_dict(take(features, state, published_name, what=what, ignore=unused))


def _imagenet_state(weights: str | Path) -> Mapping[str, Tensor]:
    if str(weights) == "timm":
        import timm  # here, because a file needs no timm

        return timm.create_model("legacy_xception", pretrained=True).state_dict()
    path = Path(weights)
    if not path.is_file():
        raise ValueError(
            f"There is no weights file {path}. Give the path of an ImageNet Xception "
            '(xception-43020ad28.pth), or weights="timm" to let timm download it.'
        )
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file  # here, because a PyTorch file needs none

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)
