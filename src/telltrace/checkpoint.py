"""A trained detector in one file: its weights and, in the same file, all that its score depends on.

The file is safetensors; the card is JSON in its header. Nothing is ever unpickled, so a
checkpoint from a stranger can be opened without running the stranger's code.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from telltrace.data.transforms import Preprocessing
from telltrace.errors import CheckpointError, OptionError
from telltrace.evaluation.calibration import Calibration, VideoCalibration
from telltrace.evaluation.combination import Combination
from telltrace.faces.align import FaceCrop
from telltrace.files import atomic_write, check_disk_space, file_sha256
from telltrace.files.plain import from_plain
from telltrace.models.registry import create_detector
from telltrace.models.state_dicts import match
from telltrace.renamed import old_names

ALLOWED = "TELLTRACE_EXTERNAL"
"""Environment variable with the functions, ``module:function``, that checkpoints may call."""
FORMAT = "telltrace-checkpoint/1"
BUNDLED = Path(__file__).parent / "weights" / "default.safetensors"
"""The detector that is used when none is named."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What travels with the weights."""

    detector: str
    """Name in the registry."""
    options: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments of the detector's builder."""
    preprocessing: Preprocessing
    calibration: Calibration = field(default_factory=Calibration)
    video: VideoCalibration | None = None
    """None: looks are averaged and judged as a picture's."""
    labels: tuple[str, str] = ("real", "fake")
    """Meaning of logit 0 and logit 1."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Where the weights come from: data, their hash, recipe, commit, versions."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """What was measured, and on what."""
    members: tuple["Card", ...] = ()
    """The cards of the detectors of an ensemble, which are in the same file."""
    combination: Combination | None = None
    """How these become one; ``calibration`` and ``video`` are of all together."""

    def to_json(self) -> str:
        """The card as text; equal cards give equal text."""
        parts = {"format": FORMAT, **asdict(self)}
        if not self.members:  # earlier versions know no ensembles, and can read all else
            del parts["members"], parts["combination"]
        return json.dumps(parts, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read back what :meth:`to_json` wrote; a CheckpointError for another format."""
        parts = json.loads(text)
        if (found := parts.pop("format", None)) != FORMAT:
            raise CheckpointError(f"Expected a card of format {FORMAT!r}, got {found!r}")
        return from_plain(cls, parts)


class Detector:
    """A network with all that its scores depend on: the one path from a face crop to a score.

    The network maps (B, 3, H, W) images to (B, 2) logits, and is in evaluation mode while it
    scores; the card has the preprocessing and calibration that belong to it.
    """

    def __init__(
        self,
        network: nn.Module,
        card: Card,
        device: str | torch.device = "cpu",
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        self.network, self.card, self.precision = network, card, precision
        self.sha256 = ""
        """Of the checkpoint that it was loaded from; empty for one that was made in memory."""
        self.to(device)

    @property
    def members(self) -> tuple["Detector", ...]:
        """Those of an ensemble; of any other detector itself."""
        return (self,)

    def combine(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """The score of all members, (N,), by the scores of each, (N, members)."""
        return scores[:, 0]

    @property
    def crop(self) -> FaceCrop:
        """How it wants faces cut out of their picture."""
        return self.card.preprocessing.crop

    def to(self, device: str | torch.device) -> Self:
        """Move it to a device; it is changed in place and returned."""
        self.device = torch.device(device)
        self.network.to(self.device)
        return self

    def score(self, crops: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float64]:
        """Probability, (N,), that each of the RGB crops (N, H, W, 3) is forged.

        They are cut as :attr:`crop` cuts them, of any size.
        """
        if not len(crops):
            return np.zeros(0)
        resize = self.card.preprocessing.resize
        return self.score_resized(np.stack([resize(crop) for crop in crops]))

    def score_resized(self, images: NDArray[np.uint8] | Tensor) -> NDArray[np.float64]:
        """The same for crops that are already (N, image_size, image_size, 3)."""
        training = self.network.training
        self.network.eval()
        half = self.precision == "bfloat16"
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            batch = torch.as_tensor(images).to(self.device)
            logits = self.network(self.card.preprocessing.tensor(batch))
        self.network.train(training)
        return probabilities(logits, self.card.calibration)


class Ensemble(Detector):
    """Several detectors as one, each with its own crop, preprocessing and calibration.

    Who has whole pictures or prepared crops cuts for each of the ``members`` and combines their
    scores, as `scan` and `predict` do.
    """

    def __init__(self, members: Sequence[Detector], card: Card) -> None:
        self._members = tuple(members)
        networks = nn.ModuleList([member.network for member in members])
        super().__init__(networks, card, members[0].device, members[0].precision)

    @property
    def members(self) -> tuple[Detector, ...]:
        return self._members

    def to(self, device: str | torch.device) -> Self:
        for member in self.members:
            member.to(device)
        return super().to(device)

    def combine(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        assert self.card.combination is not None
        return self.card.calibration.probability(self.card.combination.margins(scores))

    def score(self, crops: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float64]:
        if len({member.crop for member in self.members}) > 1:
            remedy = "Use predict or scan, which cut for each."
            raise OptionError("The detectors of this ensemble cut faces differently", remedy=remedy)
        return self.combine(np.stack([member.score(crops) for member in self.members], axis=1))

    def score_resized(self, images: NDArray[np.uint8] | Tensor) -> NDArray[np.float64]:
        if len({member.card.preprocessing.image_size for member in self.members}) > 1:
            remedy = "Use score, predict or scan."
            raise OptionError("The detectors of this ensemble differ in size", remedy=remedy)
        scores = [member.score_resized(images) for member in self.members]
        return self.combine(np.stack(scores, axis=1))


__getattr__ = old_names(__name__, {"Judge": "Detector", "load_checkpoint": "load_detector"})


def probabilities(logits: Tensor, calibration: Calibration) -> NDArray[np.float64]:
    """Calibrated probability of fake, (B,), of logits (B, 2)."""
    pair = logits.detach().double().cpu()
    margin = (pair[:, 1] - pair[:, 0]) / calibration.temperature + calibration.bias
    scores: NDArray[np.float64] = torch.sigmoid(margin).numpy()
    if calibration.knots:
        scores = np.interp(scores, *np.array(calibration.knots).T)
    return scores


def save_checkpoint(path: Path, network: nn.Module, card: Card) -> None:
    """Write weights and card as one file, atomically, or raise an OSError."""
    write_tensors(path, dict(network.state_dict()), {"card": card.to_json()})


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file, atomically; an OutputError where the disk has no room for it."""
    check_disk_space(path, sum(tensor.nbytes for tensor in tensors.values()))
    plain = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    with atomic_write(path) as partial:
        try:
            save_file(plain, partial, metadata)
        except SafetensorError as error:
            raise OSError(str(error)) from None


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file; a CheckpointError where it is no whole one."""
    with _opened(path) as file:
        return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A safetensors file whose tensors are read when they are asked for."""
    if not path.is_file():
        remedy = "Give the path of a .safetensors checkpoint."
        raise CheckpointError("no such file", remedy=remedy, path=path)
    try:
        with safe_open(path, "pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        message = f"not a complete safetensors file ({error})"
        remedy = "Download or train it again; pickled .pt and .pth files are never loaded."
        raise CheckpointError(message, remedy=remedy, path=path) from None


def read_card(path: Path) -> Card:
    """The card of a checkpoint, or a CheckpointError; its weights stay on the disk."""
    with _opened(path) as file:
        return _card(path, file.metadata() or {})


def load_detector(
    path: str | Path | None = None,
    device: str | torch.device = "cpu",
    precision: Literal["float32", "bfloat16"] = "float32",
) -> Detector:
    """Open a checkpoint, ready to score.

    Args:
        path: A file that :func:`save_checkpoint` wrote; None for the detector in the package.
        device: Where to compute.
        precision: What the network computes in.

    Raises:
        CheckpointError: If the file is no checkpoint, or its weights do not fit its detector.

    Examples:
        >>> load_detector().card.detector
        'blend_lite'
    """
    path = Path(path) if path is not None else BUNDLED
    tensors, metadata = read_tensors(path)
    card = _card(path, metadata)
    cards = card.members or (card,)
    for one in cards:
        _check_external(one.detector, path)
    networks = nn.ModuleList([create_detector(one.detector, **one.options) for one in cards])
    network = networks if card.members else networks[0]
    what = f"the weights of {card.detector!r} with {card.options}"
    remedy = "Use the checkpoint with the version of telltrace that wrote it."
    network.load_state_dict(match(network, tensors, str, what=what, remedy=remedy, path=path))
    network.to(memory_format=torch.channels_last)  # a third faster on a CPU
    network.eval()
    parts = [Detector(*one, device, precision) for one in zip(networks, cards, strict=True)]
    detector = Ensemble(parts, card) if card.members else parts[0]
    detector.sha256 = file_sha256(path)
    return detector


def _check_external(detector: str, path: Path) -> None:
    """A CheckpointError where a network is made by a function that the user has not allowed.

    A stranger's card may name any function of any installed package.
    """
    kind, _, function = detector.partition(":")
    if kind == "external" and function not in os.environ.get(ALLOWED, "").split(","):
        reason = f"its network is made by the Python function {function}, which is not allowed"
        remedy = f"If you trust it, set {ALLOWED}={function} (several with commas)."
        raise CheckpointError(reason, remedy=remedy, path=path)


def _card(path: Path, metadata: dict[str, str]) -> Card:
    if "card" not in metadata:
        message = "holds tensors but no telltrace card, so nothing says which detector they are of"
        remedy = "Use a file that `telltrace train` wrote."
        raise CheckpointError(message, remedy=remedy, path=path)
    try:
        return Card.from_json(metadata["card"])
    except (ValueError, TypeError, KeyError) as error:
        message = f"its card cannot be read ({error})"
        remedy = "It may come from a newer telltrace."
        raise CheckpointError(message, remedy=remedy, path=path) from None
