"""Published weights, from files that the user has, into checkpoints that scan and predict read.

Each layout knows the network, the polarity of its classes and the preprocessing that its
authors' weights expect, so that the checkpoint gives their scores. Nothing is downloaded.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from telltrace.checkpoint import Card, save_checkpoint
from telltrace.errors import CheckpointError, OptionError
from telltrace.files import check_suffix, file_sha256
from telltrace.models.registry import default_options
from telltrace.version import VERSION

from .layout import Layout
from .layouts import LAYOUTS


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

    HDF5 and safetensors files hold numbers only. A ``.pt`` or ``.pth`` file is a pickle; it goes
    through PyTorch's restricted reader, when the user asks for it, and nowhere else.

    Args:
        format: Key of :data:`LAYOUTS`, one with a preprocessing.
        files: The published files, in that format's order.
        out: Checkpoint to write; its name ends in .safetensors.
        margin: Side of the face crop in sizes of the face; by default what the weights expect.
        alignment: "box" cuts upright, "similarity" turns and scales; by default likewise.
        image_size: Side of the network's input, in pixels; by default likewise.

    Returns:
        The card of the checkpoint.

    Raises:
        OptionError: If the format is unknown, or takes another number of files.
        CheckpointError: If the files are not in it; the message names the file and what to give.
        OutputError: If ``out`` has another ending.
    """
    check_suffix(out, ".safetensors")
    layout = _layout(format, files)
    detector, options, network = layout.load(layout.read(files))
    expected = layout.preprocessing
    assert expected is not None
    size = image_size or options.get("image_size", expected.image_size)
    crop = replace(
        expected.crop,
        margin=margin or expected.crop.margin,
        alignment=alignment or expected.crop.alignment,
    )
    usual = default_options(detector)
    card = Card(
        detector=detector,
        options={key: value for key, value in options.items() if value != usual[key]},
        preprocessing=replace(expected, crop=crop, image_size=size),
        provenance={
            "summary": layout.source,
            "format": format,
            "files": {path.name: file_sha256(path) for path in files},
            "telltrace": VERSION,
        },
    )
    network = network.float().eval()
    with torch.inference_mode():
        network(torch.rand(1, 3, size, size))  # a size that it does not take is told now
    save_checkpoint(out, network, card)
    return card


def _layout(format: str, files: Sequence[Path]) -> Layout:
    """The layout of that name, for which these files are there."""
    formats = {name: layout for name, layout in LAYOUTS.items() if layout.preprocessing}
    if format not in formats:
        raise OptionError(f"No format is named {format!r}; there are {', '.join(formats)}.")
    wanted = formats[format].files
    names = " ".join(wanted)
    if len(files) != len(wanted):
        raise OptionError(
            f"{format} takes {len(wanted)} file(s), {names}, got {len(files)}",
            remedy=f"telltrace import-weights {format} {names} OUT",
        )
    for path in files:
        if not path.is_file():
            raise CheckpointError("no such file", remedy=f"Give the path of {names}.", path=path)
    return formats[format]
