"""FaceForensics++ in its official folder layout, DeepFakeDetection included."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from ...errors import ManifestError, OptionError
from .listing import as_manifest, find_media, manifest_row

DETECTION: Final = "DeepFakeDetection"
METHODS: Final = (
    *("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter", DETECTION),
)
FOLDERS: Final = {"c0": ("c0", "raw"), "c23": ("c23",), "c40": ("c40",)}
ACTORS: Final = "actors"


def read_ffpp(
    root: str | Path,
    compressions: Sequence[str] = ("c23",),
    methods: Sequence[str] | None = None,
) -> pd.DataFrame:
    """List the videos of FaceForensics++ as a manifest: the reals first, then every method.

    The root holds ``original_sequences/`` and ``manipulated_sequences/``; c0 is also called raw. A
    fake named ``183_253`` is video 183 with the face of video 253; both are its identities.
    DeepFakeDetection and the actors' originals form a data set of their own, as the literature
    reports it; the method "actors" adds these originals without the fakes. Where a method's
    ``masks/videos`` folder is there, each fake gets the mask video of its name: one serves all
    compressions.

    Raises:
        ManifestError: If the layout is not there, or a chosen part of it holds no video.
        OptionError: If a compression or a method is unknown.

    References:
        Roessler et al., "FaceForensics++: Learning to Detect Manipulated Facial Images", ICCV 2019.
    """
    root = Path(root)
    _check_names("compression", compressions, tuple(FOLDERS))
    _check_names("method", methods or (), (*METHODS, ACTORS))
    fakes = root / "manipulated_sequences"
    if not (root / "original_sequences").is_dir() and not fakes.is_dir():
        reason = "holds neither original_sequences/ nor manipulated_sequences/"
        remedy = "Give the folder that FaceForensics++ was downloaded to."
        raise ManifestError(reason, remedy=remedy, path=root)
    chosen = methods or [m for m in METHODS if (fakes / m).is_dir()]
    rows = [
        row
        for compression in compressions
        for part, method in _parts(chosen)
        for row in _list_part(root / part, method, compression)
    ]
    return as_manifest(rows, root, "FaceForensics++")


def read_dfd(root: str | Path, compressions: Sequence[str] = ("c23",)) -> pd.DataFrame:
    """List Google's DeepFakeDetection (DFD), as FaceForensics++'s script downloads it.

    The root holds ``original_sequences/actors/`` and ``manipulated_sequences/DeepFakeDetection/``.
    A fake named ``01_02__walking__A1B2`` is actor 01 with the face of actor 02; both are its
    identities.

    Raises:
        ManifestError: If the layout is not there, or holds no video.
        OptionError: If a compression is unknown.

    References:
        Dufour and Gully, "Contributing Data to Deepfake Detection Research", Google AI Blog 2019.
    """
    return read_ffpp(root, compressions, [DETECTION])


def _parts(methods: Sequence[str]) -> list[tuple[str, str]]:
    """Folder and method of everything to list: reals first, DeepFakeDetection with its own."""
    parts = [("original_sequences/youtube", "real")] if set(methods) != {DETECTION} else []
    if DETECTION in methods or ACTORS in methods:
        parts.append(("original_sequences/actors", "real"))
    return parts + [(f"manipulated_sequences/{m}", m) for m in methods if m != ACTORS]


def _check_names(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    if isinstance(given, str):
        raise OptionError(f"Give {what}s as a list, such as [{given!r}].")
    for name in given:
        if name not in known:
            raise OptionError(f"Unknown {what} {name!r}; FaceForensics++ has {', '.join(known)}.")


def _list_part(part: Path, method: str, compression: str) -> list[dict[str, str | int]]:
    """One row a video of ``part`` at one compression, by name."""
    folders = [part / name / "videos" for name in FOLDERS[compression]]
    files = [file for folder in folders for file in find_media(folder)]
    if not files:
        remedy = "Download this part of FaceForensics++, or leave its method or compression out."
        raise ManifestError("no videos", remedy=remedy, path=folders[0])
    masks = {file.stem: str(file.absolute()) for file in find_media(part / "masks" / "videos")}
    dataset = "DeepFakeDetection" if part.name in {DETECTION, ACTORS} else "FaceForensics++"
    return [
        manifest_row(file, dataset, method, compression=compression, mask=masks.get(file.stem, ""))
        for file in files
    ]
