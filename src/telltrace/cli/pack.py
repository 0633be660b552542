"""`telltrace pack`: a manifest and all its crops as one file."""

from pathlib import Path


def pack(manifest: Path, out: Path, *, split: str | None = None) -> int:
    """Write a manifest's face crops and masks into one file, which is quick to open and to copy.

    Pixels and hashes stay the same; wherever a manifest of face crops is asked for, the pack may
    be given in its place.

    Args:
        manifest: Face crops, as `telltrace prepare` writes them.
        out: File to write; its name ends in .pack.
        split: Only the rows of this split, such as train.
    """
    from telltrace.data.crops import read_crops
    from telltrace.data.pack import write_pack

    table, crop = read_crops([manifest], split=split)
    size = write_pack(table, crop, out)
    print(f"{len(table)} crops, {size / 2**20:.1f} MiB -> {out}")
    return 0
