"""What a file says about itself before its pixels are looked at: format, tables, codec settings."""

from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, JpegImagePlugin

from ..evidence.video import encoder_settings
from ..faces.image import FORMATS
from ..faces.packets import opened, survey_packets

Traits = dict[str, float | str | tuple[int, ...]]
"""Measured properties by name: a number, a word, or (JPEG tables) many whole numbers."""

SUBSAMPLING: Final = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
TABLES: Final = 128
"""Entries of a JPEG file's first two quantisation tables."""


def picture_traits(source: Path | BytesIO) -> Traits:
    """What the header of a picture says; an OSError if it is none that Pillow knows."""
    with Image.open(source, formats=FORMATS) as picture:
        traits: Traits = {
            "format": str(picture.format),
            "mode": picture.mode,
            "exif": float("exif" in picture.info),
            "icc": float("icc_profile" in picture.info),
            "progressive": float(bool(picture.info.get("progressive"))),
        }
        if isinstance(picture, JpegImagePlugin.JpegImageFile):
            tables = [value for _, table in sorted(picture.quantization.items()) for value in table]
            sampling = JpegImagePlugin.get_sampling(picture)
            colours = len(picture.getbands())
            traits["jpeg_tables"] = tuple((tables + [0] * TABLES)[:TABLES])
            traits["subsampling"] = SUBSAMPLING.get(sampling, "other" if colours > 1 else "grey")
    return traits


def video_traits(path: Path) -> Traits:
    """What the packets of a video say, undecoded; a MediaError if it cannot be read."""
    survey = survey_packets(path)
    with opened(path) as (container, stream):
        codec = stream.codec_context
        head = next((bytes(p) for p in container.demux(stream) if p.size), b"")
        traits: Traits = {
            "format": container.format.name.partition(",")[0],
            "codec": codec.name,
            "profile": str(codec.profile),
            "level": float(codec.level or 0),
            "subsampling": str(codec.pix_fmt),
            "fps": round(float(stream.average_rate or 0), 2),
            "b_frames": float(codec.has_b_frames),
            "encoder": str(container.metadata.get("encoder", "")),
            "settings": encoder_settings(head),
            "audio": float(len(container.streams.audio)),
        }
    starts = np.append(np.sort(survey.packets[survey.keys]), survey.end)
    gaps = np.diff(np.searchsorted(survey.stamps, starts))
    traits["gop"] = float(np.median(gaps)) if len(gaps) else float(len(survey.stamps))
    return traits
