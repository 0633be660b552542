"""Lists of face crops that published code reads: Ba et al.'s, SFIConv's and DeepfakeBench's.

What is missing, has another form or is listed twice is a ManifestError.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Any, Final

import pandas as pd

from ...errors import ManifestError
from ...evaluation.names import COMPRESSIONS, describe, describe_crop, people_of
from ..manifest import COLUMNS, check_manifest
from .listing import SPLITS, read_json, read_lines

Relocate = tuple[str, str] | None
"""Old and new beginning of the paths in a list."""
Row = tuple[str | int, ...]
Key = tuple[str, str, str]
"""Label, compression and name of a video."""

METHODS: Final = {
    "FF-DF": "Deepfakes",
    "FF-F2F": "Face2Face",
    "FF-FS": "FaceSwap",
    "FF-NT": "NeuralTextures",
    "FF-FH": "FaceShifter",
    "DFD_fake": "DeepFakeDetection",
    "DF_fake": "end_to_end",
    "CelebDFv1_fake": "Celeb-synthesis",
    "CelebDFv2_fake": "Celeb-synthesis",
    "DFDCP_FakeA": "method_A",
    "DFDCP_FakeB": "method_B",
    "UADFV_Fake": "FakeApp",
}
"""The methods by DeepfakeBench's labels; any other label that ends in "fake" is just "fake"."""
DATASETS: Final = {
    "FF": "FaceForensics++",
    "DFD": "DeepFakeDetection",
    "CelebDFv1": "Celeb-DF-v1",
    "CelebDFv2": "Celeb-DF-v2",
    "DFDCP": "DFDC-Preview",
    "DF": "DeeperForensics-1.0",
}
"""Our names of DeepfakeBench's sets, by the first word of a label."""


def read_ba_lists(
    root: str | Path,
    *,
    name: str | None = None,
    splits: Sequence[str] = ("train", "val", "test"),
    relocate: Relocate = None,
) -> pd.DataFrame:
    """List the crops that the published lists name as a manifest, with their split.

    The root holds train_real.txt, train_fake.txt and so on, of lines ``label,folder,frames``. Every
    PNG in a folder is a crop of that video, and the last number in its name its frame, -1 without
    one. A folder of another count, which the published code does not notice, is an error here.

    References:
        Ba et al., AAAI 2024, https://arxiv.org/abs/2403.01786.
    """
    dataset = name or Path(root).absolute().name
    rows: list[Row] = []
    for split, (label, kind) in product(splits, enumerate(("real", "fake"))):
        file, expected = Path(root) / f"{split}_{kind}.txt", f"{label},folder,frames"
        remedy = f"Write lines of {expected} into it, or leave its split out"
        pattern = rf"{label}\s*,\s*(.+?)\s*,\s*(\d+)"
        for number, match in read_lines(file, pattern, expected, remedy):
            folder = relocated(match[1], relocate)
            numbers = {f: re.findall(r"\d+", f.stem) for f in Path(folder).absolute().glob("*.png")}
            crops = sorted((int((n or [-1])[-1]), f.name, str(f)) for f, n in numbers.items())
            if not crops or len(crops) != int(match[2]):
                reason = f"{folder} holds {len(crops)} PNG crops and not the {match[2]} listed"
                remedy = "Extract its faces again, or say with relocate where the folders are"
                raise ManifestError(f"line {number}: {reason}", remedy=remedy, path=file)
            about = (dataset, label, *describe(folder, label), split)
            rows += [(path, *about, frame) for frame, _, path in crops]
    return _as_manifest(rows, root)


def read_sficonv_lists(
    root: str | Path,
    *,
    name: str | None = None,
    splits: Sequence[str] = (),
    relocate: Relocate = None,
) -> pd.DataFrame:
    """List the crops of a text file of ``path label`` lines, or of those of the splits in a folder.

    These are train.txt, val.txt and test.txt. Relative paths start at their list's folder.

    References:
        Guo et al., TIFS 2024, the released code's data reader.
    """
    root = Path(root)
    rows: list[Row] = []
    found = {s: file for n, s in SPLITS.items() if (file := root / f"{n}.txt").is_file()}
    wanted = splits or found or ("train", "val", "test")
    files = {split: found.get(split, root / f"{split}.txt") for split in wanted}
    remedy = "Write lines of PATH LABEL into it (the label is 0 or 1)"
    for split, file in ({"": root} if root.is_file() else files).items():
        for number, match in read_lines(file, "(.+) ([01])", "PATH LABEL", remedy):
            path, label = relocated(match[1], relocate), int(match[2])
            picture = _crop(file, path.strip(), f"line {number}")
            *about, frame = describe_crop(path, label)
            dataset = name or root.absolute().stem
            rows.append((str(picture), dataset, label, *about, split, frame))
    return _as_manifest(rows, root)


def read_deepfakebench(
    root: str | Path,
    *,
    splits: Sequence[str] = (),
    compressions: Sequence[str] = (),
    relocate: Relocate = None,
) -> pd.DataFrame:
    """List the face crops of a DeepfakeBench JSON as a manifest.

    Several of the published files put one video into several splits (Celeb-DF tests on what it
    validates and trains on; DFD and UADFV have every video in all three). Such a file is refused
    unless ``splits`` names one of them.

    References:
        Yan et al., "DeepfakeBench", NeurIPS 2023, its ``rearrange`` step.
    """
    file = Path(root)
    rows: list[Row] = []
    seen: dict[Key, str] = {}
    for key, split, about in _videos(read_json(file, "DeepfakeBench"), file):
        if (splits and split not in splits) or (compressions and key[1] not in ("", *compressions)):
            continue
        if (before := seen.setdefault(key, split)) != split:
            reason = f"{key[0]} {key[2]} is in {before} and in {split}"
            remedy = 'Read one of them (splits=["test"]) and split the rest by identity'
            raise ManifestError(reason, remedy=remedy, path=file)
        rows += _rows(key, split, about, file, relocate)
    if not rows:
        reason = "holds no frames of these splits"
        raise ManifestError(reason, remedy="Choose other splits", path=file)
    return _as_manifest(rows, file)


def _videos(tree: Any, file: Path) -> Iterator[tuple[Key, str, dict[str, Any]]]:
    """Every video of the nested file; the level of compressions may be there or not."""
    try:
        labels = [pair for labels in tree.values() for pair in labels.items()]
        parts = [(label, *part) for label, splits in labels for part in splits.items()]
        for label, split, content in parts:
            if "frames" in content:  # the released DFDC file forgets the video's name in "val"
                first = next(iter(content["frames"]), "").replace("\\", "/")
                content = {PurePosixPath(first).parent.name: content}
            for name, node in content.items():
                flat = "frames" in node
                compression = "" if flat else COMPRESSIONS.get(name, name)
                for video, about in ({name: node} if flat else node).items():
                    yield (label, compression, video), split, about
    except (AttributeError, TypeError):
        reason = "is not nested as data set, label, split, [compression,] video, frames"
        remedy = "Make it with DeepfakeBench's rearrange"
        raise ManifestError(reason, remedy=remedy, path=file) from None


def _rows(key: Key, split: str, found: Any, file: Path, relocate: Relocate) -> Iterator[Row]:
    said, compression, video = key
    word, _, kind = said.replace("-", "_").partition("_")
    label = int(kind.lower() != "real")
    if label and said not in METHODS and kind.lower() != "fake":
        reason = f"the label {said!r} says neither real nor fake"
        raise ManifestError(reason, remedy="Let it end in _real or _fake", path=file)
    dataset, method = DATASETS.get(word, word), METHODS.get(said, "fake") if label else "real"
    about = (dataset, label, method, compression, video, people_of(dataset, video), split)
    masks = (relocated(m.replace("\\", "/"), relocate) for m in found.get("masks") or ())
    mask_of = {Path(m).name: str(file.parent.absolute() / m) for m in masks if label}
    for frame in found["frames"]:
        picture = _crop(file, relocated(frame.replace("\\", "/"), relocate), f"{said} {video}")
        mask = mask_of.get(picture.name, "")
        yield str(picture), *about, describe_crop(frame, label)[-1], mask


def relocated(path: str, relocate: Relocate) -> str:
    """A path whose beginning, where it is the old one, is exchanged for the new one."""
    old, new = relocate or ("", "")
    return new + path.removeprefix(old) if path.startswith(old) else path


def _crop(file: Path, path: str, where: str) -> Path:
    """A crop by its path in a list, relative to the list's folder; it must be there."""
    picture = file.parent.absolute() / path
    if not picture.is_file():
        remedy = "Say where the pictures are now with relocate (old and new beginning)"
        raise ManifestError(f"{where}: {picture} is not there", remedy=remedy, path=file)
    return picture


def _as_manifest(rows: Sequence[Row], root: str | Path) -> pd.DataFrame:
    columns = [*COLUMNS[:9], "mask"]
    table = pd.DataFrame(rows, columns=columns[: len(rows[0])] if rows else columns)
    table.attrs["file"] = str(root)
    return check_manifest(table)
