"""`telltrace pack`: a manifest and all its crops as one file."""

from pathlib import Path
from typing import Literal


def pack(
    manifest: Path,
    out: Path,
    *,
    split: str | None = None,
    size: int | None = None,
    margin: float = 1.3,
    alignment: Literal["box", "similarity"] = "box",
) -> int:
    """Write a manifest's face crops and masks into one file, which is quick to open and to copy.

    Pixels and hashes stay the same; wherever a manifest of face crops is asked for, the pack may
    be given in its place.

    Args:
        manifest: Face crops, as `telltrace prepare` writes them, or a table of your own.
        out: File to write; its name ends in .pack.
        split: Only the rows of this split, such as train.
        size: Side of the crops in pixels, where no prepare.json beside the manifest says it.
        margin: There, side of a crop as a multiple of the face box.
        alignment: There, whether crops are upright, or turned and scaled by five landmarks.
    """
    from telltrace.data.crops import read_crops, write_pack
    from telltrace.faces.align import FaceCrop

    cut = size and FaceCrop(size=size, margin=margin, alignment=alignment)
    table, crop = read_crops([manifest], split=split, cut=cut or None)
    written = write_pack(table, crop, out)
    print(f"{len(table)} crops, {written / 2**20:.1f} MiB -> {out}")
    return 0
