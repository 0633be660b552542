"""HFF and UADFV: real and fake media in folders whose names say where they come from."""

import re
from pathlib import Path
from typing import Final

import pandas as pd

from ...errors import ManifestError
from .listing import PICTURES, as_manifest, find_media, list_folders, manifest_row

_REALS = ("celeba", "celebahq", "faceforensics", "youtube", "youtubeframe", "youtubeframes")
HFF_TYPES: Final = {
    **dict.fromkeys(_REALS, "real"),
    "pggan": "PGGAN",
    "progan": "PGGAN",
    "stylegan": "StyleGAN",
    "glow": "Glow",
    "stargan": "StarGAN",
    "face2face": "Face2Face",
}
"""The eight kinds of pictures, by their folder's name without case and punctuation."""
SPLITS: Final = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def read_hff(root: str | Path) -> pd.DataFrame:
    """List the pictures of the Hybrid Fake Face set as a manifest.

    Each picture lies in a folder named after one of the eight kinds (CelebA, CelebA-HQ and
    FaceForensics are real; PGGAN, StyleGAN, Glow, StarGAN and Face2Face are fake), at any depth
    and in any spelling; a folder ``train`` or ``test`` around it gives its split. The set names
    no people: every picture is its own identity.

    Raises:
        ManifestError: If there is no such picture, or one lies in no such folder.

    References:
        Guo et al., "Fake face detection via adaptive manipulation traces extraction network",
        CVIU 2021, section 4.1.
    """
    root = Path(root)
    rows = []
    for file in find_media(root, PICTURES, deep=True):
        folders = [re.sub(r"[^a-z0-9]", "", p.lower()) for p in file.relative_to(root).parts[:-1]]
        kind = next((name for name in reversed(folders) if name in HFF_TYPES), None)
        if kind is None:
            kinds = ", ".join(sorted(HFF_TYPES))
            raise ManifestError(
                f"lies in no folder named after one of HFF's kinds ({kinds})",
                remedy="Name its folder so, or move it away.",
                path=file,
            )
        name = file.relative_to(root).with_suffix("").as_posix()
        split = next((SPLITS[f] for f in folders if f in SPLITS), "")
        rows.append(manifest_row(file, "HFF", HFF_TYPES[kind], name, name, split=split))
    return as_manifest(rows, root, "HFF")


def read_uadfv(root: str | Path) -> pd.DataFrame:
    """List the videos of UADFV as a manifest: ``real/0003.mp4`` and ``fake/0003_fake.mp4``.

    A fake and the video it was made from are one identity.

    Raises:
        ManifestError: If the layout is not there.

    References:
        Yang et al., "Exposing Deep Fakes Using Inconsistent Head Poses", ICASSP 2019.
    """
    return list_folders(root, "UADFV", {"real": "real", "fake": "FakeApp"})
