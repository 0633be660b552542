"""The settings of a training run, as plain data: this file builds nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from telltrace.errors import OptionError, check_not_negative, check_positive
from telltrace.files import file_sha256

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, kw_only=True)
class SourceConfig:
    """A share of every batch of the task "mixed"."""

    name: str
    """What validation calls it."""
    datasets: tuple[str, ...]
    """Data sets of the manifests that it draws from, each equally often."""
    pairs: int
    """Pairs of a real face and a forgery in every batch; 0 only validates."""
    fakes: Literal["given", "blend"] = "given"
    """Forgeries that the data holds, or blends made on line of its real faces."""
    validation_pairs: int = 128
    """Pairs of the validation split that every epoch is evaluated on; 0 for none."""

    def __post_init__(self) -> None:
        if self.pairs < 0 or self.validation_pairs < 0:
            raise OptionError(f"The source {self.name!r} needs counts of at least 0.")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Which faces to learn from, and how they are shown."""

    protocol: str | None = None
    """Split to assign, such as "ffpp-pairs"; by default the manifest's own split column."""
    task: Literal["labels", "blend", "mixed"] = "labels"
    """Learn the labels as given, tell real faces from blends of them, or mix pairs of sources."""
    sources: tuple[SourceConfig, ...] = ()
    """Mixed: what every batch is made of. Both faces of a pair are framed, resized, coloured and
    encoded alike, as media found elsewhere are; ``batch_size`` and ``augmentation`` unused."""
    epoch_steps: int = 250
    """Mixed: steps that are called an epoch."""
    margin: float = 1.3
    """Mixed: margin at which the detector will cut faces when it scans."""
    image_size: int = 256
    """Side of the network's input, in pixels."""
    batch_size: int = 64
    """Images a step, over all processes; a real face and its blend count as two."""
    augmentation: str = "sficonv"
    """Named augmentation: "none", "sficonv" (flip, rotation, perspective), "ba", "robust" (the
    changes that pictures undergo on the internet) or "strong" (more of everything, and cutout)."""
    easy_epochs: int = 0
    """Blends start out easy to see and become hard over this many epochs."""
    balance: bool = True
    """Draw as many real as fake faces in every epoch."""
    oversample: bool = False
    """In place of ``balance``: show every face, and those of the smaller class as often as makes
    it about as large as the other. Ba et al. show each real face of FaceForensics++ 4 times."""
    workers: int = 0
    """Threads, or for blends and "mixed" processes, that prepare batches ahead; 0 for none."""
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    """Per-channel mean that is subtracted, RGB in [0, 1]."""
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    """Per-channel deviation that is divided by."""
    terms: str = ""
    """What the data's owners allow the weights to be used for; the card and scans repeat it."""

    def __post_init__(self) -> None:
        check_positive(
            image_size=self.image_size, batch_size=self.batch_size, epoch_steps=self.epoch_steps
        )
        check_not_negative(workers=self.workers, easy_epochs=self.easy_epochs)
        if min(self.std) <= 0:
            raise OptionError(f"std must be positive, got {self.std}.")


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """What is minimised. The defaults are each paper's own."""

    name: str = "auto"
    """By default the detector's own: "am_softmax" for two_stream, "information" for ib,
    "multi_task" for multi_task, "localization" for blend, "hypersphere" for ln_tuned;
    "cross_entropy" for all others, and for any of these that should train with it."""
    label_smoothing: float = 0.0
    """Cross-entropy, localization and hypersphere: share of the target spread over both classes."""
    map_weight: float = 1.0
    """Localization: weight of the map of forged places, where the data has masks."""
    rank_weight: float = 1.0
    """Localization: weight of ranking a forgery above the face it was made from."""
    align_weight: float = 0.1
    """Hypersphere: weight of the distance between faces of one class (ours, not the paper's)."""
    uniform_weight: float = 0.5
    """Hypersphere: weight of how far all faces spread (ours, not the paper's)."""
    kind: Literal["cosine", "angular"] = "cosine"
    """AM-Softmax: where the margin is added."""
    margin: float = 0.5
    """AM-Softmax: what the right class must be ahead by."""
    scale: float = 30.0
    """AM-Softmax: sharpness."""
    gamma: float = 0.0
    """AM-Softmax: focal exponent."""
    measure: Literal["kl", "wasserstein"] = "kl"
    """Information: how mutual information is measured."""
    temperature: float = 1.5
    """Information: divides the logits that are compared."""
    use_local: bool = True
    """Information: whether local blocks must differ."""
    use_global: bool = True
    """Information: whether the bottleneck must hold what the blocks know."""
    balance: Literal["auto", "hyper", "none"] = "auto"
    """Information: learnt weights, `scales`, or a plain sum."""
    scales: tuple[float, float, float] = (1.0, 2.0, 10.0)
    """Information: weights of classification, global and local information for "hyper"."""
    reference_compatible: bool = False
    """Information: compute the released code's numbers, its mistakes included."""
    mixup: float | None = None
    """Beta parameter of mixup; 0 mixes nothing. By default 0.5 for information (its paper's) and
    0 for cross-entropy; other objectives mix nothing."""
    cutmix: float = 0.0
    """Cross-entropy: Beta parameter of cutmix; with mixup, each step draws one of the two."""

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise OptionError(f"label_smoothing must lie in [0, 1), got {self.label_smoothing}.")


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """How to learn. The defaults are the SFIConv paper's (section IV.A.3)."""

    epochs: int = 20
    lr: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    """Decoupled (AdamW) unless ``coupled``; 0 is plain Adam."""
    coupled: bool = False
    """Whether weight decay is added to the gradients, as Adam in older papers does."""
    schedule: Literal["halve", "cosine", "constant"] = "halve"
    """Learning rate: halved after each epoch, cosine to zero over the run, or constant."""
    cosine_steps: int | None = None
    """Cosine: steps to zero; as many lead up again, and so on. Each epoch starts anew."""
    patience: int | None = None
    """Epochs without a lower validation loss after which the learning rate, whatever its
    schedule, is halved; None never halves it."""
    warmup_steps: int = 0
    """Steps over which the learning rate rises from zero."""
    clip_norm: float | None = None
    """Largest gradient norm; None leaves gradients alone."""
    accumulate: int = 1
    """Pieces that a batch is computed in, one after the other, to need less memory. Gradients
    are those of the whole batch; batch normalisation sees each piece alone."""
    ema: float = 0.0
    """Decay of the averaged weights that are validated and kept; 0 keeps the plain ones."""

    def __post_init__(self) -> None:
        check_positive(epochs=self.epochs, accumulate=self.accumulate)
        check_not_negative(
            weight_decay=self.weight_decay,
            warmup_steps=self.warmup_steps,
            patience=self.patience or 0,
        )
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise OptionError(f"clip_norm must be positive, got {self.clip_norm}.")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise OptionError(f"betas must lie in [0, 1), got {self.betas}.")
        check_positive(lr=self.lr, cosine_steps=self.cosine_steps)
        if not 0 <= self.ema < 1:
            raise OptionError(f"ema must lie in [0, 1), got {self.ema}.")


@dataclass(frozen=True, kw_only=True)
class HardwareConfig:
    """How to compute: it changes the speed and, but for rounding, nothing else."""

    layout: Literal["auto", "channels_last", "contiguous"] = "auto"
    """Order of pixels and channels in memory; auto is channels_last."""
    compile: bool = False
    """Let torch.compile fuse the network: a minute or more at the start, then faster steps."""
    recompute: bool = False
    """Recompute activations in the backward pass: a third more time, a fraction of the memory."""
    devices: int = 1
    """Processes on this machine, each with a device, or a share of the cores, of its own."""
    nodes: int = 1
    """Machines; start the same command on each with torchrun."""
    strategy: Literal["auto", "ddp", "fsdp"] = "auto"
    """With several processes: each holds the whole network (ddp), or a share of it (fsdp)."""

    def __post_init__(self) -> None:
        check_positive(devices=self.devices, nodes=self.nodes)

    @property
    def processes(self) -> int:
        """Processes over all machines."""
        return self.devices * self.nodes


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that the outcome of a run depends on; a resumed run must have the same."""

    manifest: tuple[str, ...] = ()
    detector: str = "sfi_mobilenet"
    options: Mapping[str, Any] = field(default_factory=dict)
    data: DataConfig = DataConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    optim: OptimConfig = OptimConfig()
    hardware: HardwareConfig = HardwareConfig()
    seed: int = 7
    precision: str = "auto"
    from_: str | None = None
    """File of the weights that training starts from; None for fresh ones."""


def by_content(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with the hash of the file of weights that an option names, in place of its path."""
    options = recipe.get("options", {})
    path = Path(options.get("weights") or "")
    return {
        **recipe,
        "options": options | ({"weights": file_sha256(path)} if path.is_file() else {}),
    }
