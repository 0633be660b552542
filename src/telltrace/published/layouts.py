"""Every published layout by name: read, written, and turned into checkpoints.

A new one is a :class:`Layout` in the file that is named after its detector, and one line here.
Each knows its authors' classes and preprocessing, so that a checkpoint gives their scores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from telltrace.checkpoint import Card, save_checkpoint
from telltrace.errors import CheckpointError, OptionError
from telltrace.evaluation.calibration import Calibration
from telltrace.faces import Alignment
from telltrace.faces.align import FaceCrop
from telltrace.faces.rectangles import RULES
from telltrace.files import check_output, file_sha256
from telltrace.files.version import VERSION
from telltrace.models.classes import Classes
from telltrace.models.registry import default_options
from telltrace.models.state_dicts import unwrap

from . import (
    dfdc,
    efficientnet,
    f3net,
    gend,
    information_bottleneck,
    ispl,
    m2tr,
    meso,
    multi_task,
    recce,
    sficonv,
    two_stream,
    ucf,
    xception,
)
from .huggingface import folder_layout, members
from .layout import Layout
from .timm_networks import external_layout, timm_layout

LAYOUTS: dict[str, Layout] = {
    "dfb_core": xception.CORE,
    "dfb_efficientnetb4": efficientnet.BENCHMARK_B4,
    "dfb_recce": recce.RECCE,
    "dfb_spsl": xception.SPSL,
    "dfb_srm": two_stream.DEEPFAKEBENCH,
    "dfb_ucf": ucf.UCF,
    "dfb_xception": xception.DEEPFAKEBENCH,
    "dfdc_b7": dfdc.B7,
    "f3net_fad": f3net.FAD,
    "gend_clip_l14": gend.GEND_CLIP_L14,
    "ib_efficientnet_b0": information_bottleneck.EFFICIENTNET_B0,
    "ib_mobilenet": information_bottleneck.MOBILENET,
    "ib_resnet34": information_bottleneck.RESNET34,
    **ispl.LAYOUTS,
    "m2tr": m2tr.M2TR_EFFICIENTNET,
    "meso-keras": meso.KERAS,
    "meso4": meso.MESO4,
    "meso_inception4": meso.MESO_INCEPTION4,
    "multi-task": multi_task.FILES,
    "multi_task": multi_task.STATE_DICT,
    "sbi": efficientnet.SBI,
    **{f"sfi_resnet{depth}": sficonv.released(depth) for depth in (26, 50, 101, 152)},
    "two_stream_xception": two_stream.TWO_STREAM,
    "xception": xception.XCEPTION,
}
"""Published layouts by name. Those with a preprocessing can be imported as checkpoints."""

OPEN = "timm:NAME", "huggingface", "external:MODULE:FUNCTION"
"""What else can be imported: networks that anybody trained, whose class order must be known."""


def load_published(name: str, state: Mapping[str, Tensor]) -> nn.Module:
    """Build a detector with its authors' wiring, constants and weights: it gives their answers.

    Args:
        name: Key of :data:`LAYOUTS`.
        state: State dict in the authors' layout, read with ``torch.load(..., weights_only=True)``.

    Raises:
        OptionError: If there is no such layout.
        CheckpointError: If the state dict is not in it.
    """
    return _named(name, LAYOUTS).load(state)[2]


def export_published(detector: nn.Module) -> dict[str, Tensor]:
    """Turn a detector into the state dict that its authors' released code reads.

    Raises:
        OptionError: If nobody published such a network; the message says what would do.
    """
    layouts = [layout for layout in LAYOUTS.values() if layout.kind is type(detector)]
    reasons = {layout.refuse(detector): layout for layout in layouts}
    if "" in reasons:
        return reasons[""].export(detector)
    if reasons:
        raise OptionError(next(iter(reasons)))
    known = ", ".join(sorted({layout.kind.__name__ for layout in LAYOUTS.values() if layout.kind}))
    raise OptionError(f"{type(detector).__name__} has no published layout; these have: {known}.")


def import_weights(
    format: str,
    files: Sequence[Path],
    out: Path,
    *,
    margin: float | None = None,
    alignment: Alignment | None = None,
    image_size: int | None = None,
    classes: Classes | None = None,
    mean: tuple[float, float, float] | None = None,
    std: tuple[float, float, float] | None = None,
) -> Card:
    """Write a checkpoint from published weights that the user has; its card comes back.

    Args:
        format: Key of :data:`LAYOUTS`, one with a preprocessing, or one of :data:`OPEN`.
        files: The published files, in that format's order; pickles go through PyTorch's
            restricted reader.
        out: Checkpoint to write; its name ends in .safetensors.
        margin: Side of the face crop in sizes of the face; by default what the weights expect.
        alignment: How to cut, as of `telltrace prepare`; by default likewise.
        image_size: Side of the network's input, in pixels; by default likewise.
        classes: For the formats of :data:`OPEN`, where nothing else says it: what the outputs
            stand for, such as "fake,real", or "fake" for one logit of being fake.
        mean: Per channel, RGB, of pixels in [0, 1]; by default likewise.
        std: Likewise.

    Raises:
        OptionError: If the format is unknown, or takes another number of files.
        CheckpointError: If the files are not in it; the message names the file and what to give.
        OutputError: If ``out`` has another ending.
    """
    check_output(out, ".safetensors")
    files = [one for path in files for one in (members(path) if path.is_dir() else [path])]
    layout = _chosen(format, files, classes, image_size)
    _check_files(format, layout.files, files)
    content = layout.read(files)
    origin = _origin(format, layout, files, content)
    detector, options, network = layout.load(content)
    expected = layout.preprocessing
    assert expected is not None
    size = image_size or options.get("image_size", expected.image_size)
    crop = _crop(expected.crop, size, margin, alignment)
    pixels = {key: value for key, value in (("mean", mean), ("std", std)) if value is not None}
    usual = default_options(detector)
    card = Card(
        detector=detector,
        options={key: value for key, value in options.items() if value != usual[key]},
        preprocessing=replace(expected, crop=crop, image_size=size, **pixels),
        calibration=Calibration(frames=layout.frames),
        provenance=origin,
    )
    _check_size(network.float().eval(), size)
    save_checkpoint(out, network, card)
    return card


def _origin(
    format: str, layout: Layout, files: Sequence[Path], content: Mapping[str, Any]
) -> dict[str, Any]:
    """What a card says of where its weights come from."""
    names = unwrap(content, layout.mark)
    unused = sum(name.startswith(layout.ignored) for name in names)
    return {
        "summary": layout.source,
        "format": format,
        "files": {path.name: file_sha256(path) for path in files},
        "telltrace": VERSION,
        "licence": layout.licence,
        "classes": layout.classes,
        "tensors": {"read": len(names) - unused, "unused": unused},
    }


def _check_size(network: nn.Module, size: int) -> None:
    """Refuse, by an OptionError, a size that the network does not take."""
    try:
        with torch.inference_mode():
            network(torch.rand(1, 3, size, size))
    except (AssertionError, RuntimeError) as error:
        reason = f"the network does not read images of {size} pixels ({error})"
        raise OptionError(reason, remedy="Give its own --image-size.") from None


def _crop(
    expected: FaceCrop, size: int, margin: float | None, alignment: Alignment | None
) -> FaceCrop:
    """The published crop with what the caller asked for in its place."""
    asked: dict[str, Any] = {"margin": margin, "alignment": alignment}
    crop = replace(expected, **{key: value for key, value in asked.items() if value})
    if crop.alignment not in RULES:
        return crop
    if margin and crop.margin != margin:
        text = f"Crops of alignment {crop.alignment!r} have a margin of their own, {crop.margin:g}."
        raise OptionError(text, remedy="Leave out --margin, or give --alignment box.")
    return replace(crop, size=size)


def _chosen(
    format: str, files: Sequence[Path], classes: Classes | None, image_size: int | None
) -> Layout:
    """The layout of a format, made for these files where it is an open one."""
    kind, _, name = format.partition(":")
    if kind == "huggingface":
        return folder_layout(files, classes, image_size)
    if kind in ("timm", "external") and name:
        make = timm_layout if kind == "timm" else external_layout
        return make(name, classes, image_size)
    if classes is not None:
        reason = f"the order of the classes of {format} is known"
        raise OptionError(reason, remedy="Leave --classes out.")
    return _named(format, {name: one for name, one in LAYOUTS.items() if one.preprocessing})


def _named(name: str, layouts: Mapping[str, Layout]) -> Layout:
    if name not in layouts:
        there = ", ".join((*layouts, *OPEN))
        raise OptionError(f"No published layout is named {name!r}; there are {there}.")
    return layouts[name]


def _check_files(format: str, wanted: Sequence[str], files: Sequence[Path]) -> None:
    names = " ".join(wanted)
    if len(files) != len(wanted):
        text = f"{format} takes {len(wanted)} file(s), {names}, got {len(files)}"
        raise OptionError(text, remedy=f"telltrace import-weights {format} {names} OUT")
    for path in files:
        if not path.is_file():
            raise CheckpointError("no such file", remedy=f"Give the path of {names}.", path=path)
