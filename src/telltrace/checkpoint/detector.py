"""A detector that is ready to score: the one path from a face crop to a score."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from telltrace.backends import Runner, settle, torch_runner
from telltrace.errors import OptionError
from telltrace.evaluation.calibration import Calibration
from telltrace.faces.align import FaceCrop

from .card import Card

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Judged = tuple[NDArray[np.float64], NDArray[np.float32] | None]
"""Probabilities of forgery, (N,), and where each face shows a paste, (N, h, w), if that is said."""


class Detector:
    """A network with all that its scores depend on.

    The network maps (B, 3, H, W) images to (B, 2) logits, and is in evaluation mode while it
    scores; the card has the preprocessing and calibration that belong to it. One that was loaded
    from a file computes in the form that its backend is quickest with; whoever takes hold of
    :attr:`network` has it computed as it is from then on, whatever is changed in it.

    Args:
        network: The network; None where ``runner`` computes it.
        card: What travels with it.
        device: Where it computes.
        precision: What it computes in, "float32" or "bfloat16".
        runner: Takes crops (N, S, S, 3) and gives what a `ScoringGraph` gives.
        load: Gives the network when somebody asks for it; None for one that has been exported.
    """

    def __init__(
        self,
        network: "nn.Module | None",
        card: Card,
        device: "str | torch.device" = "cpu",
        precision: str = "float32",
        *,
        runner: Runner | None = None,
        load: "Callable[[], nn.Module] | None" = None,
    ) -> None:
        self.card, self.precision = card, precision
        self.sha256 = ""
        """Of the file that it was loaded from; empty for one that was made in memory."""
        self._network, self._runner, self._load, self._device = network, runner, load, device
        if network is not None:
            self._compute_live(network)

    @property
    def network(self) -> "nn.Module":
        """The network itself; an OptionError for an exported detector, which has none."""
        if self._network is None:
            if self._load is None:
                remedy = "Use the checkpoint that it was exported from."
                raise OptionError("An exported detector has no network to look into", remedy=remedy)
            self._network = self._load()
            self._compute_live(self._network)
        return self._network

    @property
    def device(self) -> "torch.device":
        """Where it computes."""
        import torch

        return torch.device(self._device)

    @property
    def backend(self) -> str:
        """What computes it: "torch", "onnx" or "openvino"."""
        return "torch" if self._runner is None else self._runner.backend

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

    def to(self, device: "str | torch.device") -> Self:
        """Move it to a device; it is changed in place and returned."""
        network, self._device = self.network, device
        self._compute_live(network)
        return self

    def score(self, crops: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float64]:
        """Probability, (N,), that each of the RGB crops (N, H, W, 3) is forged.

        They are cut as :attr:`crop` cuts them, of any size.
        """
        return self.judge(crops)[0]

    def judge(self, crops: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> Judged:
        """The same, and where the network sees a paste: (N, h, w) in [0, 1], if it has a map."""
        if not len(crops):
            return np.zeros(0), None
        resize = self.card.preprocessing.resize
        return self.judge_resized(np.stack([resize(crop) for crop in crops]))

    def score_resized(self, images: "NDArray[np.uint8] | Tensor") -> NDArray[np.float64]:
        """`score` for crops that are already (N, image_size, image_size, 3)."""
        return self.judge_resized(images)[0]

    def judge_resized(self, images: "NDArray[np.uint8] | Tensor") -> Judged:
        """`judge` for crops that are already (N, image_size, image_size, 3)."""
        assert self._runner is not None
        pixels = images if isinstance(images, np.ndarray) else images.cpu().numpy()
        logits, *maps = self._runner(pixels)
        return probabilities(logits, self.card.calibration), maps[0] if maps else None

    def settle(self, images: NDArray[np.uint8]) -> None:
        """Make it at once as fast as it is after many crops such as these of `score_resized`."""
        assert self._runner is not None
        settle(self._runner, images)

    def _compute_live(self, network: "nn.Module") -> None:
        """Let PyTorch compute this network as it is whenever it is asked."""
        from .graph import ScoringGraph

        graph = ScoringGraph(network.to(self._device), self.card.preprocessing)
        graph.training = False  # of itself alone
        self._runner = torch_runner(graph, self._device, self.precision)


class Ensemble(Detector):
    """Several detectors as one, each with its own crop, preprocessing and calibration.

    Who has whole pictures or prepared crops cuts for each of the ``members`` and combines their
    scores, as `scan` and `predict` do.
    """

    def __init__(self, members: Sequence[Detector], card: Card) -> None:
        first = members[0]
        super().__init__(None, card, first._device, first.precision)
        self._members = tuple(members)

    @property
    def network(self) -> "nn.Module":
        """The networks of all members, as a list."""
        from torch import nn

        return nn.ModuleList([member.network for member in self.members])

    @property
    def backend(self) -> str:
        return ", ".join(dict.fromkeys(member.backend for member in self.members))

    @property
    def members(self) -> tuple[Detector, ...]:
        return self._members

    def to(self, device: "str | torch.device") -> Self:
        for member in self.members:
            member.to(device)
        self._device = device
        return self

    def combine(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        assert self.card.combination is not None
        return self.card.calibration.probability(self.card.combination.margins(scores))

    def judge(self, crops: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> Judged:
        if len({member.crop for member in self.members}) > 1:
            remedy = "Use predict or scan, which cut for each."
            raise OptionError("The detectors of this ensemble cut faces differently", remedy=remedy)
        scores = [member.score(crops) for member in self.members]
        return self.combine(np.stack(scores, axis=1)), None

    def judge_resized(self, images: "NDArray[np.uint8] | Tensor") -> Judged:
        if len({member.card.preprocessing.image_size for member in self.members}) > 1:
            remedy = "Use score, predict or scan."
            raise OptionError("The detectors of this ensemble differ in size", remedy=remedy)
        scores = [member.score_resized(images) for member in self.members]
        return self.combine(np.stack(scores, axis=1)), None


def probabilities(logits: NDArray[np.floating], calibration: Calibration) -> NDArray[np.float64]:
    """Calibrated probability of fake, (B,), of logits (B, 2)."""
    pair = np.asarray(logits, np.float64)
    return calibration.score(pair[:, 1] - pair[:, 0])
