"""How a published state dict becomes a detector, and a detector a published state dict."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from telltrace.data.transforms import Preprocessing
from telltrace.errors import CheckpointError
from telltrace.evaluation.pooling import FrameRule
from telltrace.faces.align import FaceCrop
from telltrace.models.classes import in_order
from telltrace.models.registry import create_detector
from telltrace.models.state_dicts import match, read_state_dict, unwrap

State = dict[str, Tensor]
"""Tensors by name; a layout's functions change the one that they are given."""

BENCHMARK = Preprocessing(crop=FaceCrop(alignment="dfb"), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
"""DeepfakeBench's: five landmarks on a template with margin 1.3, pixels in [-1, 1]."""

ANY_FILE = ("STATE_DICT.pth",)
"""What a file is that may be called anything."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What somebody published: its names and shapes, and what must be known to use it.

    Reading goes through the fields from top to bottom, writing back.
    """

    source: str
    """Who published it, for errors and the card."""
    licence: str = "not stated by its authors"
    """Terms of the published weights, for the card."""
    classes: str = "0 real, 1 fake"
    """What its authors' outputs mean, for the card; ours are 0 real, 1 fake whatever theirs are."""
    files: tuple[str, ...] = ANY_FILE
    """What each file is, in the order in which they are given."""
    read: Callable[[Sequence[Path]], State] = lambda files: read_state_dict(files[0])
    preprocessing: Preprocessing | None = None
    """What the weights expect; without it they are no checkpoint, and are read from Python only."""
    frames: FrameRule = "logits"
    """How its authors make one score of the frames of a video."""
    mark: str = ""
    """A published name; what stands before it in a file is a prefix."""
    clean: Callable[[State], State] = lambda state: state
    """Undo what older files do to names and shapes."""
    describe: Callable[[State], tuple[str, dict[str, Any]]]
    """Name and options of the detector that has tensors of these shapes."""
    in_place: bool = False
    """Whether the network is built without memory and takes the file's tensors as they are: for
    large ones all of whose tensors are in the file."""
    constants: Callable[[Any], State] = lambda detector: {}
    """Published tensors that are constants of the detector, or that nothing reads; a file need
    not have them."""
    simplify: Callable[[State, Any], None] = lambda state, detector: None
    """Turn published tensors into those that ours does with, in place."""
    absorbed: tuple[str, ...] = ()
    """Beginnings of published names of layers whose bias the normalisation with the next number
    subtracts again; its running mean takes it over."""
    ignored: tuple[str, ...] = ()
    """Beginnings of published names that no forward pass reads."""
    rename: Callable[[str], str] = lambda name: name
    """From our name of a tensor to the published one."""
    kind: type[nn.Module] | None = None
    """Class of the detectors that can be written; None for a layout that is only read."""
    refuse: Callable[[Any], str] = lambda detector: ""
    """Why a detector of that class cannot be written; empty where it can."""
    complete: Callable[[State, Any], None] = lambda state, detector: None
    """Undo ``simplify``, and add what a strict load asks for, in place."""

    def load(self, content: Mapping[str, Any]) -> tuple[str, dict[str, Any], nn.Module]:
        """Name, options and network that a published state dict, or a mapping with it, describes.

        A CheckpointError says which tensors are missing, left over or of another shape.
        """
        state = self.clean(unwrap(content, self.mark))
        try:
            name, options = self.describe(state)
            kinds = (t.dtype for t in state.values() if t.is_floating_point())
            dtype = next(kinds, torch.float32)
            with torch.device("meta") if self.in_place else nullcontext():
                detector = create_detector(name, **options).to(dtype)
            for key, own in self.constants(detector).items():
                if (theirs := state.pop(key, own)).shape != own.shape:
                    found = f"{tuple(theirs.shape)} instead of {tuple(own.shape)}"
                    raise CheckpointError(f"This is not {self.source}: {key} is {found}")
            self.simplify(state, detector)
            for bias, mean in self._absorbed(state):
                if bias in state:
                    state[mean] = state[mean] - state.pop(bias)
        except KeyError as error:
            there = ", ".join(sorted(state)[:3]) or "nothing"
            text = f"This state dict is not {self.source}: it has no {error.args[0]} but {there}"
            raise CheckpointError(text) from None
        except RuntimeError as error:  # shapes that do not go together
            raise CheckpointError(f"This state dict is not {self.source}: {error}") from None
        ours = match(detector, state, self.rename, what=self.source, ignored=self.ignored)
        detector.load_state_dict(ours, assign=self.in_place)
        return name, options, detector

    def export(self, detector: nn.Module) -> State:
        """The published state dict of a detector that :attr:`refuse` does not refuse."""
        state = {self.rename(name): tensor for name, tensor in detector.state_dict().items()}
        self.complete(state, detector)
        for bias, mean in self._absorbed(state):
            state[bias] = torch.zeros_like(state[mean])
        return state | self.constants(detector)

    def _absorbed(self, state: State) -> list[tuple[str, str]]:
        """Each bias that is subtracted again, and the running mean that takes it over."""
        named = [name for name in state if name.startswith(self.absorbed)]
        means = [name.rsplit(".", 2) for name in named if name.endswith(".running_mean")]
        return [(f"{part}.{int(n) - 1}.bias", f"{part}.{n}.{mean}") for part, n, mean in means]


def renamed(parts: Mapping[str, str], name: str) -> str:
    """A name whose beginning, the first of ``parts`` that fits, is what they say; or the name."""
    ours = next((part for part in parts if name.startswith(part)), "")
    return parts.get(ours, "") + name.removeprefix(ours)


def two_logits(head: str) -> Callable[[State, nn.Module], None]:
    """Turn a head of one logit z into one of (0, z), whose softmax is z's sigmoid.

    A head of another width is a CheckpointError.
    """

    def simplify(state: State, detector: nn.Module) -> None:
        for name in (f"{head}.weight", f"{head}.bias"):
            if len(state[name]) != 1:
                text = (
                    f"{name} is of {len(state[name])} outputs, where these weights have one logit"
                )
                raise CheckpointError(text, remedy="Name the format that they are in.")
            state[name] = in_order(state[name], "fake", 0)

    return simplify


def benchmark(method: str, **known: Any) -> Layout:
    """The layout of ``METHOD_best.pth`` of DeepfakeBench; ``known`` are other fields."""
    usual: dict[str, Any] = {
        "source": f"{method} as DeepfakeBench publishes it",
        "licence": "CC BY-NC 4.0 (its code's; none is stated for the weights)",
        "files": (f"{method.lower()}_best.pth",),
        "preprocessing": BENCHMARK,
        "frames": "mean",
    }
    return Layout(**usual | known)
