"""FaceForensics++ in its official folder layout, DeepFakeDetection included."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from ..manifest import COLUMNS, check_manifest

METHODS: Final = (
    *("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures"),
    *("FaceShifter", "DeepFakeDetection"),
)
COMPRESSIONS: Final = ("c0", "c23", "c40")
FOLDERS: Final = {"c0": ("c0", "raw"), "c23": ("c23",), "c40": ("c40",)}
VIDEO_SUFFIXES: Final = {".mp4", ".avi", ".mov", ".mkv", ".webm"}


def read_ffpp(
    root: str | Path,
    compressions: Sequence[str] = ("c23",),
    methods: Sequence[str] | None = None,
) -> pd.DataFrame:
    """List the videos of FaceForensics++ as a manifest: the reals first, then every method.

    A fake named ``183_253`` is video 183 with the face of video 253; both are its identities.
    DeepFakeDetection and the actors' originals form a data set of their own, as the literature
    reports it.

    Args:
        root: Folder that holds ``original_sequences/`` and ``manipulated_sequences/``.
        compressions: Any of "c0" (also called "raw"), "c23" and "c40".
        methods: Names out of ``METHODS``; by default every one whose folder is there.

    Raises:
        FileNotFoundError: If the layout is not there, or a chosen part of it holds no video.
        ValueError: If a compression or a method is unknown.

    References:
        Roessler et al., "FaceForensics++: Learning to Detect Manipulated Facial Images", ICCV 2019.
    """
    root = Path(root)
    _check_names("compression", compressions, COMPRESSIONS)
    _check_names("method", methods or (), METHODS)
    fakes = root / "manipulated_sequences"
    if not (root / "original_sequences").is_dir() and not fakes.is_dir():
        raise FileNotFoundError(
            f"{root}: holds neither original_sequences/ nor manipulated_sequences/. "
            "Give the folder that FaceForensics++ was downloaded to."
        )
    chosen = methods or [m for m in METHODS if (fakes / m).is_dir()]
    parts = [("original_sequences/youtube", "real")] if set(chosen) != {METHODS[-1]} else []
    if METHODS[-1] in chosen:
        parts.append(("original_sequences/actors", "real"))
    parts += [(f"manipulated_sequences/{method}", method) for method in chosen]
    rows = [
        row
        for compression in compressions
        for part, method in parts
        for row in _list_part(root / part, method, compression)
    ]
    return check_manifest(pd.DataFrame(rows, columns=COLUMNS[:7]))


def _check_names(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    if isinstance(given, str):
        raise ValueError(f"Give {what}s as a list, such as [{given!r}].")
    for name in given:
        if name not in known:
            raise ValueError(f"Unknown {what} {name!r}; FaceForensics++ has {', '.join(known)}.")


def _list_part(part: Path, method: str, compression: str) -> list[tuple[str | int, ...]]:
    """One row a video of ``part`` at one compression, by name."""
    folders = [part / name / "videos" for name in FOLDERS[compression]]
    files = [
        file
        for folder in folders
        if folder.is_dir()
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in VIDEO_SUFFIXES and not file.name.startswith(".")
    ]
    if not files:
        raise FileNotFoundError(
            f"{folders[0]}: no videos. Download this part of FaceForensics++, "
            "or leave its method or compression out."
        )
    dataset = "DeepFakeDetection" if part.name in {METHODS[-1], "actors"} else "FaceForensics++"
    return [
        (
            str(file.absolute()),
            dataset,
            int(method != "real"),
            method,
            compression,
            file.stem,
            _identities(file.stem, method),
        )
        for file in files
    ]


def _identities(stem: str, method: str) -> str:
    """``183_253`` holds 183 and 253; of ``01_02__walking__A1B2`` and ``01__walking`` the head."""
    head = stem.split("__")[0]
    return head if method == "real" else "+".join(head.split("_"))
