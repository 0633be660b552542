"""Published weights, from files that the user has, into checkpoints that scan and predict read.

Each format knows the network, the polarity of its classes and the preprocessing that its
authors' weights expect, so that the checkpoint gives their scores. Nothing is downloaded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from telltrace import __version__
from telltrace.checkpoint import Card, read_tensors, save_checkpoint
from telltrace.data.transforms import Preprocessing
from telltrace.faces.align import FaceCrop
from telltrace.files import file_sha256
from telltrace.models.registry import create_detector

from .layouts import load_published
from .meso import load_meso_keras
from .multi_task import exchange_classes, load_multi_task


class Imported(NamedTuple):
    """A network that was read, and how the registry builds one like it."""

    detector: str
    options: dict[str, Any]
    network: nn.Module


@dataclass(frozen=True, kw_only=True)
class Format:
    """What somebody published, and what must be known to use it."""

    files: tuple[str, ...]
    """What each file is, in the order in which they are given."""
    read: Callable[[Sequence[Path]], Imported]
    preprocessing: Preprocessing
    source: str
    """Who published the weights, for the card."""


def read_keras(files: Sequence[Path]) -> Imported:
    """MesoNet from Keras; its one output says 1 for real, and is turned."""
    name, network = load_meso_keras(read_hdf5(files[0]))
    options: dict[str, Any] = {"layout": "keras"}
    if network.image_size != 256:
        options["image_size"] = network.image_size
    return Imported(name, options, network)


def read_multi_task(files: Sequence[Path]) -> Imported:
    """The Y-shaped autoencoder's pair; its second class is the real one, and they are exchanged.

    The authors' folders are called ``altered`` and ``original``, their classes follow the
    alphabet, and on FaceForensics++ the published weights excite the second share of the latent
    for real faces and the first for Face2Face.
    """
    state = {
        f"{part}.{name}": tensor
        for part, path in zip(("encoder", "decoder"), files, strict=True)
        for name, tensor in read_state_dict(path).items()
    }
    return Imported("multi_task", {}, exchange_classes(load_multi_task(state)))


def read_published(name: str, files: Sequence[Path], **options: Any) -> Imported:
    """A state dict that :func:`telltrace.load_published` knows; class 1 is fake in it."""
    network = load_published(name, read_state_dict(files[0]))
    size = getattr(network, "image_size", 256)
    return Imported(name, options if size == 256 else {**options, "image_size": size}, network)


BENCHMARK = Preprocessing(
    crop=FaceCrop(alignment="similarity"), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)
)
"""DeepfakeBench's: five landmarks on a template with margin 1.3, pixels in [-1, 1]."""


def _state_dict(
    name: str, source: str, preprocessing: Preprocessing = BENCHMARK, **options: Any
) -> Format:
    read = partial(read_published, name, **options)
    return Format(files=("STATE_DICT.pth",), read=read, preprocessing=preprocessing, source=source)


FORMATS: dict[str, Format] = {
    "meso-keras": Format(
        files=("WEIGHTS.h5",),
        read=read_keras,
        # Their square is 2.86 times the distance of eyes and mouth, or of both eyes if that is
        # more; on FaceForensics++ this is 1.07 times the longer side of the face's box.
        preprocessing=Preprocessing(
            crop=FaceCrop(margin=1.07), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
        ),
        source="MesoNet (Afchar et al., WIFS 2018), published Keras weights",
    ),
    "multi-task": Format(
        files=("ENCODER.pt", "DECODER.pt"),
        read=read_multi_task,
        preprocessing=Preprocessing(),
        source="ClassNSeg (Nguyen et al., BTAS 2019), published weights",
    ),
    "f3net_fad": _state_dict("f3net_fad", "F3-Net as DeepfakeBench publishes it", released=True),
    "m2tr": _state_dict(
        "m2tr", "M2TR (Wang et al., ICMR 2022), a released state dict", Preprocessing()
    ),
    "meso4": _state_dict("meso4", "Meso-4 as DeepfakeBench publishes it"),
    "meso_inception4": _state_dict(
        "meso_inception4", "MesoInception-4 as DeepfakeBench publishes it"
    ),
    "xception": _state_dict("xception", "Xception as DeepfakeBench publishes it"),
}
"""What can be imported, by name."""


def import_weights(
    format: str,
    files: Sequence[Path],
    out: Path,
    *,
    margin: float | None = None,
    alignment: Literal["box", "similarity"] | None = None,
    image_size: int | None = None,
) -> Card:
    """Write a checkpoint from published weights.

    HDF5 and safetensors files hold numbers only. A ``.pt`` or ``.pth`` file is a pickle; it is
    read by PyTorch's restricted reader (``weights_only=True``), which refuses everything but
    tensors and plain containers. It is read here, when the user asks for it, and nowhere else.

    Args:
        format: Key of :data:`FORMATS`.
        files: The published files, in that format's order.
        out: Checkpoint to write; its name ends in .safetensors.
        margin: Side of the face crop in sizes of the face; None for what the weights expect.
        alignment: How faces are cut out, "box" or "similarity"; None likewise.
        image_size: Side of the network's input, in pixels; None likewise.

    Returns:
        The card of the checkpoint.

    Raises:
        ValueError: If the format is unknown or the files are not in it; the message names the
            file and what to give.
    """
    if format not in FORMATS:
        raise ValueError(f"No format is named {format!r}; there are {', '.join(FORMATS)}.")
    known = FORMATS[format]
    if len(files) != len(known.files):
        raise ValueError(
            f"{format} takes {len(known.files)} file(s), {' '.join(known.files)}, "
            f"got {len(files)}: telltrace import-weights {format} {' '.join(known.files)} OUT"
        )
    if out.suffix != ".safetensors":
        raise ValueError(f"{out}: a checkpoint's name ends in .safetensors. Name OUT so.")
    for path in files:
        if not path.is_file():
            raise ValueError(f"{path}: no such file. Give the path of {' and '.join(known.files)}.")
    imported = known.read(files)
    expected = known.preprocessing
    crop = replace(
        expected.crop,
        margin=margin or expected.crop.margin,
        alignment=alignment or expected.crop.alignment,
    )
    size = image_size or imported.options.get("image_size", expected.image_size)
    card = Card(
        detector=imported.detector,
        options=imported.options,
        preprocessing=replace(expected, crop=crop, image_size=size),
        provenance=_provenance(format, files),
    )
    network = imported.network.float().eval()
    _check(network, card)
    save_checkpoint(out, network, card)
    return card


def _provenance(format: str, files: Sequence[Path]) -> dict[str, Any]:
    return {
        "summary": FORMATS[format].source,
        "format": format,
        "files": {path.name: file_sha256(path) for path in files},
        "telltrace": __version__,
    }


@torch.inference_mode()
def _check(network: nn.Module, card: Card) -> None:
    """The registry's network must answer as the one that was read: its wiring is in no file."""
    twin = create_detector(card.detector, **card.options).eval()
    try:
        twin.load_state_dict(network.state_dict())
        side = card.preprocessing.image_size
        image = torch.rand(1, 3, side, side)
        same = torch.allclose(twin(image), network(image), rtol=1e-4, atol=1e-5)
    except RuntimeError as error:
        raise ValueError(f"{card.detector} {card.options} does not take them: {error}.") from None
    assert same, f"{card.detector} {card.options} is wired in another way than what was read"


def read_hdf5(path: Path) -> dict[str, Tensor]:
    """Every array of numbers in an HDF5 file, by its place in it.

    Raises:
        ValueError: If the file is not HDF5, or h5py is not installed.
    """
    try:
        import h5py  # here, because only old Keras weights need it
    except ImportError:
        raise ValueError(
            f"{path}: reading HDF5 takes h5py. Install it with: pip install 'telltrace[import]'"
        ) from None
    tensors: dict[str, Tensor] = {}

    def keep(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
            tensors[name] = torch.from_numpy(item[()])

    try:
        with h5py.File(path, "r") as file:
            file.visititems(keep)
    except OSError as error:
        raise ValueError(f"{path}: not a complete HDF5 file ({error}). Get it again.") from None
    return tensors


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file, or of a PyTorch file that holds nothing else.

    Raises:
        ValueError: If the file holds anything but tensors.
    """
    if path.suffix == ".safetensors":
        return read_tensors(path)[0]
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken or hostile pickle can make the reader raise anything
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"{path}: not a PyTorch file of plain tensors ({reason}). Nothing in it was run. "
            "Save the network's state_dict() as .safetensors and give that."
        ) from None
    for wrapper in ("state_dict", "model", "net"):
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not all(isinstance(t, Tensor) for t in content.values()):
        raise ValueError(
            f"{path}: holds a {type(content).__name__}, not a state dict of tensors. "
            "Give the file that holds the network's weights."
        )
    return {str(name).removeprefix("module."): tensor for name, tensor in content.items()}
