"""What a file says of its origin, beside its pixels: read cheaply, within limits, never a score."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from telltrace.faces.image import FORMATS, without_warnings

from .boxes import index_findings, read_index
from .credentials import credential_findings
from .exif import LONGEST, WANTED, exif_findings, read_tags
from .findings import MEANINGS, Finding, finding
from .jpeg import double_findings, table_findings
from .names import tag_findings
from .png import png_findings
from .reading import checked, edges, guarded
from .video import container_findings
from .xmp import xmp_findings

MOST: Final = 10
"""Findings of a kind that are listed, so that none of another kind is crowded out."""


def read_provenance(
    path: str | os.PathLike[str], trust: str | os.PathLike[str] | None = None
) -> tuple[Finding, ...]:
    """Read what a picture or video says of its origin, whatever is wrong with it.

    No pixel of a video is decoded, and nothing is fetched. A file of another kind has no findings.

    Args:
        path: An ordinary file.
        trust: PEM file of certificates of signers of C2PA manifests that are trusted.

    Returns:
        Findings in the order of `MEANINGS`, each once, `MOST` of a kind; damage is one.
    """
    path = Path(path)
    try:
        searched = edges(path)
    except OSError:
        return ()
    found, form = _picture(path)
    if not form:
        found, form = _video(path, searched)
    if form:
        found += guarded("C2PA", lambda: credential_findings(path, form, searched, trust))
    found += conflicts(found)
    unique = list(dict.fromkeys(found))
    alike = ([one for one in unique if one.kind == kind] for kind in MEANINGS)
    return tuple(one for found in alike for one in found[:MOST])


def _picture(path: Path) -> tuple[list[Finding], str]:
    """What a picture says, and its format; "" for no picture that can be opened."""
    with without_warnings():
        try:
            picture = Image.open(path, formats=FORMATS)
        except Exception:  # no picture, or one so damaged that the verdict says so
            return [], ""
        with picture:
            return _parts(path, picture), str(picture.format)


def _parts(path: Path, picture: Any) -> list[Finding]:
    """Each part of the metadata by its own reader."""
    info, found = picture.info, []
    if picture.format == "TIFF":
        found += guarded("TIFF", lambda: exif_findings(_tiff_tags(picture)))
    elif exif := info.get("exif"):
        found += guarded("EXIF", lambda: exif_findings(read_tags(checked(exif))))
    if xmp := info.get("xmp"):
        packet = xmp.encode() if isinstance(xmp, str) else bytes(xmp)
        found += guarded("XMP", lambda: xmp_findings(checked(packet)))
    if comment := info.get("comment"):
        text = comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)
        found += guarded("comment", lambda: tag_findings("comment", text, ""))
    if picture.format == "PNG":
        with path.open("rb") as file:
            found += guarded("PNG", lambda: png_findings(file))
    if picture.format in ("JPEG", "MPO"):
        found += _jpeg(path, picture)
    return found


def _tiff_tags(picture: Any) -> dict[int, str]:
    """The wanted tags of a TIFF file, which Pillow has read to open it."""
    known = WANTED.intersection(picture.tag_v2)
    return {tag: str(picture.tag_v2[tag])[:LONGEST].strip("\0 ") for tag in known}


def _jpeg(path: Path, picture: Any) -> list[Finding]:
    found = guarded("JPEG", lambda: table_findings(picture))
    if found:
        table = np.array(picture.quantization[min(picture.quantization)])
        found += guarded("JPEG", lambda: double_findings(path, table))
    if getattr(picture, "n_frames", 1) > 1:
        found.append(finding("container.several", f"{picture.n_frames} pictures in one JPEG file"))
    return found


def _video(path: Path, searched: bytes) -> tuple[list[Finding], str]:
    """What a video says, and how its boxes are laid: "ISO", "RIFF", "other", or "" for none."""
    found = guarded("container", lambda: container_findings(path, searched))
    if not found:
        return [], ""
    if searched[4:8] not in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return found, "RIFF" if searched[:4] == b"RIFF" else "other"
    index = guarded("index", lambda: _index(path))
    return found + index, "ISO"


def _index(path: Path) -> Iterator[Finding]:
    index = read_index(path)
    yield from index_findings(index.movie)
    if index.xmp:
        yield from xmp_findings(checked(index.xmp))


def conflicts(found: list[Finding]) -> list[Finding]:
    """Pairs of statements about the origin that name different ones."""
    told = {kind: [one.said for one in found if one.kind == kind] for kind in MEANINGS}
    camera = told["source.camera"] or told["camera.model"]
    pairs = [
        ("says it comes from a camera", told["source.camera"], "editor.tag"),
        ("says it comes from a camera", camera, "generator.tag"),
        ("says it comes from a camera", camera, "source.generated"),
    ]
    return [
        finding("conflict", f"{what} ({one[0]}), and carries: {told[other][0]}")
        for what, one, other in pairs
        if one and told[other]
    ]
