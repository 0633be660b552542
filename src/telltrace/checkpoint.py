"""A trained detector in one file: its weights and, in the same file, all that its score depends on.

The file is safetensors; the card is JSON in its header. Nothing is ever unpickled, so a
checkpoint from a stranger can be opened without running the stranger's code.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from telltrace.calibration import Calibration, VideoCalibration
from telltrace.data.transforms import Preprocessing
from telltrace.files import atomic_write
from telltrace.models.registry import create_detector

__all__ = [
    "BUNDLED",
    "FORMAT",
    "Calibration",
    "Card",
    "Judge",
    "VideoCalibration",
    "load_checkpoint",
    "probabilities",
    "read_card",
    "read_tensors",
    "save_checkpoint",
    "weights_sha256",
    "write_tensors",
]

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
    """For a single look: a picture, or one frame."""
    video: VideoCalibration | None = None
    """For a person through a video; None: looks are averaged and judged as a picture's."""
    labels: tuple[str, str] = ("real", "fake")
    """Meaning of logit 0 and logit 1."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Where the weights come from: data, their hash, recipe, commit, versions."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """What was measured, and on what."""

    def to_json(self) -> str:
        """The card as text; equal cards give equal text."""
        parts = {**asdict(self), "preprocessing": self.preprocessing.to_dict()}
        return json.dumps({"format": FORMAT, **parts}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read back what :meth:`to_json` wrote.

        Raises:
            ValueError: If the text is no card of this format.
        """
        parts = json.loads(text)
        if (found := parts.pop("format", None)) != FORMAT:
            raise ValueError(f"Expected a card of format {FORMAT!r}, got {found!r}.")
        parts["preprocessing"] = Preprocessing.from_dict(parts["preprocessing"])
        parts["calibration"] = Calibration.from_dict(parts["calibration"])
        video = parts.get("video")
        parts["video"] = None if video is None else VideoCalibration.from_dict(video)
        parts["labels"] = tuple(parts["labels"])
        return cls(**parts)


class Judge:
    """A detector that answers with probabilities: the one path from a face crop to its score.

    Validation during training, ``predict``, ``scan`` and every service call go through
    :meth:`score`, so that they cannot disagree.

    Args:
        network: (B, 3, H, W) images to (B, 2) logits; it is put into evaluation mode while scoring.
        card: The preprocessing and calibration that belong to the network.
        device: Where to compute.
    """

    def __init__(self, network: nn.Module, card: Card, device: str | torch.device = "cpu") -> None:
        self.network = network.to(device)
        self.card = card
        self.device = torch.device(device)

    def score(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Probability that each face is forged.

        Args:
            crops: (B, S, S, 3) RGB face crops as ``card.preprocessing.crop`` cuts them.

        Shape:
            (B, S, S, 3) to (B,), each in [0, 1].
        """
        resize = self.card.preprocessing.resize
        return self.score_resized(np.stack([resize(crop) for crop in crops]))

    def score_resized(self, images: NDArray[np.uint8] | Tensor) -> NDArray[np.float64]:
        """The same for crops that are already (B, image_size, image_size, 3)."""
        training = self.network.training
        self.network.eval()
        with torch.inference_mode():
            batch = torch.as_tensor(images).to(self.device)
            logits = self.network(self.card.preprocessing.tensor(batch))
        self.network.train(training)
        return probabilities(logits, self.card.calibration)


def weights_sha256(network: nn.Module) -> str:
    """SHA-256 of a network's weights as float32, wherever they lie and whatever their type."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.detach().cpu().float().numpy()).tobytes())
    return digest.hexdigest()


def probabilities(logits: Tensor, calibration: Calibration) -> NDArray[np.float64]:
    """Calibrated probability of fake.

    Shape:
        (B, 2) logits to (B,).

    Examples:
        >>> probabilities(torch.tensor([[0.0, 0.0]]), Calibration()).tolist()
        [0.5]
    """
    pair = logits.detach().double().cpu()
    margin = (pair[:, 1] - pair[:, 0]) / calibration.temperature + calibration.bias
    scores: NDArray[np.float64] = torch.sigmoid(margin).numpy()
    if calibration.knots:
        scores = np.interp(scores, *np.array(calibration.knots).T)
    return scores


def save_checkpoint(path: Path, network: nn.Module, card: Card) -> None:
    """Write weights and card as one file, atomically: a reader sees the old file or the new one.

    Raises:
        OSError: If the file cannot be written; what stood there before is untouched.
    """
    write_tensors(path, dict(network.state_dict()), {"card": card.to_json()})


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file beside its destination, then move it into place."""
    plain = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    with atomic_write(path) as partial:
        try:
            save_file(plain, partial, metadata)
        except SafetensorError as error:
            raise OSError(str(error)) from None


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file.

    Raises:
        ValueError: If the file is missing, truncated, or of another kind.
    """
    with _opened(path) as file:
        return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A safetensors file whose tensors are read when they are asked for."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file. Give the path of a .safetensors checkpoint.")
    try:
        with safe_open(path, "pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path}: not a complete safetensors file ({error}). Download or train it again; "
            "pickled .pt and .pth files are never loaded."
        ) from None


def read_card(path: Path) -> Card:
    """The card of a checkpoint; its weights stay on the disk.

    Raises:
        ValueError: If the file carries none.
    """
    with _opened(path) as file:
        return _card(path, file.metadata() or {})


def load_checkpoint(path: Path | None = None, device: str | torch.device = "cpu") -> Judge:
    """Open a checkpoint, ready to score.

    Args:
        path: A file that :func:`save_checkpoint` wrote; None for the detector in the package.
        device: Where to compute.

    Raises:
        ValueError: If the file is no checkpoint, or its weights do not fit its detector; the
            message names the file and what to do.
    """
    path = Path(path) if path is not None else BUNDLED
    tensors, metadata = read_tensors(path)
    card = _card(path, metadata)
    network = create_detector(card.detector, **card.options)
    expected = network.state_dict()
    missing, surplus = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected)
    crooked = [k for k in expected.keys() & tensors.keys() if expected[k].shape != tensors[k].shape]
    if missing or surplus or crooked:
        raise ValueError(
            f"{path}: the weights are not those of {card.detector!r} with {card.options} "
            f"(missing {missing[:3]}, unknown {surplus[:3]}, other shape {sorted(crooked)[:3]}). "
            "Use the checkpoint with the version of telltrace that wrote it."
        )
    network.load_state_dict({k: v.to(expected[k].dtype) for k, v in tensors.items()})
    return Judge(network.eval(), card, device)


def _card(path: Path, metadata: dict[str, str]) -> Card:
    if "card" not in metadata:
        raise ValueError(
            f"{path}: holds tensors but no telltrace card, so nothing says which detector or "
            "preprocessing they need. Use a file that `telltrace train` wrote."
        )
    try:
        return Card.from_json(metadata["card"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path}: its card cannot be read ({error}). It may come from a newer telltrace."
        ) from None
