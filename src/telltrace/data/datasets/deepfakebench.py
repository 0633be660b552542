"""DeepfakeBench's JSON files: data set, label, split, perhaps compression, video, frames."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

import pandas as pd

from ...errors import ManifestError
from ..manifest import COLUMNS, check_manifest
from .listing import read_json, relocated
from .names import COMPRESSIONS, describe_crop, people_of

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
"""Our names of the sets, by the first word of a label."""


class _Video(NamedTuple):
    label: str
    split: str
    compression: str
    name: str
    frames: list[str]
    masks: list[str]


def read_deepfakebench(
    root: str | Path,
    *,
    splits: Sequence[str] = (),
    compressions: Sequence[str] = (),
    relocate: tuple[str, str] | None = None,
) -> pd.DataFrame:
    """List the face crops of a DeepfakeBench JSON as a manifest.

    Several of the published files put one video into several splits (Celeb-DF tests on what it
    validates and trains on; DFD and UADFV have every video in all three). Such a file is refused
    unless ``splits`` names one of them.

    Raises:
        ManifestError: If the file is missing or not so nested, a label says neither real nor
            fake, a frame is not there, or a video is in two splits.

    References:
        Yan et al., "DeepfakeBench", NeurIPS 2023, its ``rearrange`` step.
    """
    file = Path(root)
    tree = read_json(file, "DeepfakeBench")
    chosen = [
        video
        for video in _videos(tree, file)
        if (not splits or video.split in splits)
        and (not compressions or not video.compression or video.compression in compressions)
    ]
    _refuse_two_splits(chosen, file)
    rows = [row for video in chosen for row in _rows(video, file, relocate)]
    if not rows:
        reason = "holds no frames of these splits"
        raise ManifestError(reason, remedy="Choose other splits", path=file)
    table = pd.DataFrame(rows, columns=[*COLUMNS[:9], "mask"])
    table.attrs["file"] = str(file)
    return check_manifest(table)


def _videos(tree: Any, file: Path) -> Iterator[_Video]:
    """Every video of the nested file; the level of compressions may be there or not."""
    try:
        for labels in tree.values():
            for label, splits in labels.items():
                for split, content in splits.items():
                    yield from _below(label, split, content)
    except (AttributeError, TypeError):
        reason = "is not nested as data set, label, split, [compression,] video, frames"
        remedy = "Make it with DeepfakeBench's rearrange"
        raise ManifestError(reason, remedy=remedy, path=file) from None


def _below(label: str, split: str, content: dict[str, Any]) -> Iterator[_Video]:
    if "frames" in content:  # the released DFDC file forgets the video's name in "val"
        first = next(iter(content["frames"]), "").replace("\\", "/")
        content = {PurePosixPath(first).parent.name: content}
    for name, node in content.items():
        inner = {name: node} if "frames" in node else node
        compression = "" if "frames" in node else COMPRESSIONS.get(name, name)
        for video, about in inner.items():
            masks = about.get("masks") or []
            yield _Video(label, split, compression, video, about["frames"], masks)


def _refuse_two_splits(videos: Sequence[_Video], file: Path) -> None:
    seen: dict[tuple[str, str, str], str] = {}
    for video in videos:
        key = (video.label, video.compression, video.name)
        if seen.setdefault(key, video.split) != video.split:
            raise ManifestError(
                f"{video.label} {video.name} is in {seen[key]} and in {video.split}",
                remedy='Read one of them (splits=["test"]) and split the rest by identity',
                path=file,
            )


def _rows(
    video: _Video, file: Path, relocate: tuple[str, str] | None
) -> Iterator[tuple[str | int, ...]]:
    word, _, kind = video.label.replace("-", "_").partition("_")
    label = 0 if kind.lower() == "real" else 1
    if label and video.label not in METHODS and kind.lower() != "fake":
        reason = f"the label {video.label!r} says neither real nor fake"
        raise ManifestError(reason, remedy="Let it end in _real or _fake", path=file)
    dataset = DATASETS.get(word, word)
    method = METHODS.get(video.label, "fake") if label else "real"
    people = people_of(dataset, video.name)
    about = (dataset, label, method, video.compression, video.name, people, video.split)

    def place(path: str) -> Path:
        return file.parent.absolute() / relocated(path.replace("\\", "/"), relocate)

    masks = {mask.name: str(mask) for mask in map(place, video.masks)}
    for frame in video.frames:
        picture = place(frame)
        if not picture.is_file():
            reason = f"{video.label} {video.name}: {picture} is not there"
            remedy = "Say where the frames are now with relocate (old and new beginning)"
            raise ManifestError(reason, remedy=remedy, path=file)
        mask = masks.get(picture.name, "") if label else ""
        yield str(picture), *about, describe_crop(frame, label)[-1], mask
