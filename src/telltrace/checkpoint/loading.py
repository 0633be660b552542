"""From a file to a detector that is ready to score."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from telltrace.backends import (
    Backend,
    BackendName,
    Runner,
    choose_backend,
    installed,
    is_prepared,
    prepared,
    prepared_runner,
    torch_runner,
)
from telltrace.errors import CheckpointError, DependencyError, OptionError, OutputError
from telltrace.files import file_sha256
from telltrace.jobs.progress import logger

from .artefacts import SUFFIXES, is_artefact, open_artefact
from .card import Card
from .detector import Detector, Ensemble
from .reading import BUNDLED, read_card, read_tensors

if TYPE_CHECKING:
    import torch
    from torch import nn

ALLOWED: Final = "TELLTRACE_EXTERNAL"
"""Environment variable with the functions, ``module:function``, that checkpoints may call."""
_USE: Final = "Use --backend auto, or the checkpoint that it was exported from."
FORM: Final = 1
"""Changes whenever the same checkpoint gives another ONNX graph."""


def load_detector(
    path: str | Path | None = None,
    device: "str | torch.device" = "cpu",
    precision: Literal["float32", "bfloat16"] = "float32",
    backend: Backend = "auto",
) -> Detector:
    """Open a checkpoint, ready to score.

    Args:
        path: A file that :func:`save_checkpoint` wrote, or the .onnx or .xml of one that was
            exported; None for the detector in the package.
        device: Where to compute; an exported detector computes on the processor.
        precision: What the network computes in.
        backend: What computes it on a processor: "torch", or where it is installed "onnx" (ONNX
            Runtime) or "openvino", for which an ONNX graph is made once and kept in
            ``~/.cache/telltrace``. "auto" takes the fastest that is installed for the detector in
            the package and for checkpoints of which such a graph is there, and else torch.

    Raises:
        CheckpointError: If the file is no checkpoint, or its weights do not fit its detector.
        DependencyError: If a backend is asked for that is not installed.

    Examples:
        >>> load_detector().card.detector
        'blend_lite'
    """
    path = Path(path) if path is not None else BUNDLED
    card, sha256 = read_card(path), file_sha256(path)
    cards = card.members or (card,)
    for one in cards:
        _check_external(one.detector, path)
    device = "cpu" if is_artefact(path) else device
    chosen = _resolve(path, card, sha256, str(device), precision, backend)
    try:
        runners = _runners(path, card, sha256, device, precision, chosen)
    except OutputError as error:
        if backend != "auto" or is_artefact(path):
            raise
        logger.info("%s Computing with torch.", error)
        runners = _torch_runners(path, card, device, precision)
    parts = []
    for n, (one, runner) in enumerate(zip(cards, runners, strict=True)):
        load = None if is_artefact(path) else partial(_network, path, card, n)  # has a graph alone
        parts.append(Detector(None, one, device, precision, runner=runner, load=load))
    detector = Ensemble(parts, card) if card.members else parts[0]
    detector.sha256 = sha256
    return detector


def _runners(
    path: Path,
    card: Card,
    sha256: str,
    device: "str | torch.device",
    precision: str,
    chosen: BackendName,
) -> "list[Runner]":
    """What computes each network in the backend that was chosen."""
    if is_artefact(path):
        return [open_artefact(path, card, chosen, precision)]
    if chosen == "torch":
        return _torch_runners(path, card, device, precision)
    graphs = _graphs(path, card, sha256)
    return [prepared_runner(*graph, chosen, precision) for graph in graphs.items()]


def resolve_backend(
    path: Path, device: "str | torch.device", precision: str, backend: Backend
) -> BackendName:
    """The backend that `load_detector` takes; its graphs are prepared if it needs some."""
    return _resolve(path, read_card(path), file_sha256(path), str(device), precision, backend)


def _resolve(
    path: Path, card: Card, sha256: str, device: str, precision: str, backend: Backend
) -> BackendName:
    if is_artefact(path):
        return _choose_reader(path, precision, backend)
    graphs = _graphs(path, card, sha256)
    known = path == BUNDLED or all(map(is_prepared, graphs))
    if any(one.detector.startswith("external:") for one in card.members or (card,)):
        known = False  # its function may have changed since
        if backend not in ("auto", "torch"):
            remedy = "Use --backend torch, or export it."
            raise OptionError(f"A network of your own is not kept for {backend}", remedy=remedy)
    chosen = _choose(backend, device, precision, known)
    try:
        if chosen != "torch":
            for graph in graphs.items():
                prepared(*graph)
    except (OutputError, DependencyError) as error:
        if backend != "auto":
            raise
        logger.info("%s Computing with torch.", error)
        return "torch"
    return chosen


def _graphs(path: Path, card: Card, sha256: str) -> dict[str, Callable[[], bytes]]:
    """A checkpoint's ONNX graphs: the name in the cache, and what makes it."""
    numbers = range(len(card.members) or 1)
    return {f"{sha256[:32]}-{n}-{FORM}.onnx": partial(_graph, path, card, n) for n in numbers}


def _choose(backend: Backend, device: str, precision: str, known: bool) -> BackendName:
    """The backend for a checkpoint, whose ONNX graphs are there, or may be made, if ``known``."""
    if backend == "auto":
        if device != "cpu" or not known:
            return "torch"
        return next(name for name in installed() if name != "onnx" or precision == "float32")
    chosen = choose_backend(backend)
    if chosen != "torch" and device != "cpu":
        raise OptionError(f"The backend {chosen} computes on the processor, not on {device}.")
    if chosen == "onnx" and precision != "float32":
        remedy = "Use openvino or torch."
        raise OptionError(f"The backend onnx does not compute in {precision}", remedy=remedy)
    return chosen


def _choose_reader(path: Path, precision: str, backend: Backend) -> BackendName:
    """The backend for an exported detector."""
    able = SUFFIXES[path.suffix.lower()]
    if backend == "auto":
        ready = [n for n in able if n in installed() and (n, precision) != ("onnx", "bfloat16")]
        if ready:
            return ready[0]
        raise DependencyError("nothing is installed that computes it", extra=able[-1], path=path)
    if backend not in able:
        raise OptionError(f"The backend {backend} cannot compute it", remedy=_USE, path=path)
    return _choose(backend, "cpu", precision, known=True)


def _graph(path: Path, card: Card, number: int) -> bytes:
    """The ONNX graph of a checkpoint's network."""
    from .graph import inference_graph, onnx_graph

    logger.info("%s: preparing its ONNX form, once on this machine", path.name)
    preprocessing = (card.members or (card,))[number].preprocessing
    return onnx_graph(inference_graph(_network(path, card, number), preprocessing))


def _torch_runners(
    path: Path, card: Card, device: "str | torch.device", precision: str
) -> list[Runner]:
    """The networks of a checkpoint, computed by PyTorch."""
    from .graph import inference_graph

    networks = zip(_load_networks(path, card), card.members or (card,), strict=True)
    graphs = [inference_graph(network, one.preprocessing) for network, one in networks]
    return [torch_runner(graph.to(device), device, precision) for graph in graphs]


def _network(path: Path, card: Card, number: int) -> "nn.Module":
    """One of the networks of a checkpoint, in evaluation mode."""
    return _load_networks(path, card)[number]


def _load_networks(path: Path, card: Card) -> "list[nn.Module]":
    """The networks of a checkpoint, in evaluation mode, or a CheckpointError."""
    import torch
    from torch import nn

    from telltrace.models.registry import create_detector
    from telltrace.models.state_dicts import match

    tensors, _ = read_tensors(path)
    cards = card.members or (card,)
    try:
        networks = nn.ModuleList([create_detector(one.detector, **one.options) for one in cards])
    except OptionError as error:  # of another version, or of a plug-in that is not installed
        raise CheckpointError(error.message, remedy=error.remedy, path=path) from None
    network = networks if card.members else networks[0]
    what = f"the weights of {card.detector!r} with {card.options}"
    remedy = "Use the checkpoint with the version of telltrace that wrote it."
    network.load_state_dict(match(network, tensors, str, what=what, remedy=remedy, path=path))
    network.to(memory_format=torch.channels_last)  # a third faster on a CPU
    return [*networks.eval()]


def _check_external(detector: str, path: Path) -> None:
    """A CheckpointError where a network is made by a function that the user has not allowed.

    A stranger's card may name any function of any installed package.
    """
    kind, _, function = detector.partition(":")
    if kind == "external" and function not in os.environ.get(ALLOWED, "").split(","):
        reason = f"its network is made by the Python function {function}, which is not allowed"
        remedy = f"If you trust it, set {ALLOWED}={function} (several with commas)."
        raise CheckpointError(reason, remedy=remedy, path=path)
