"""Sets of videos as they are downloaded; what contradicts itself is a ManifestError."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from ...errors import ManifestError, OptionError
from .listing import FolderSet, as_manifest, find_media, manifest_row, read_lines, require_folder

DETECTION: Final = "DeepFakeDetection"
METHODS: Final = (
    *("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter", DETECTION),
)
ACTORS: Final = "actors"
FOLDERS: Final = {"c0": ("c0", "raw"), "c23": ("c23",), "c40": ("c40",)}
"""The folders of each compression of FaceForensics++."""
CELEB_DF: Final = {
    "Celeb-real": "real",
    "YouTube-real": "real",
    "Celeb-synthesis": "Celeb-synthesis",
}
"""The method of each folder of Celeb-DF."""


def read_ffpp(
    root: str | Path, compressions: Sequence[str] = ("c23",), methods: Sequence[str] | None = None
) -> pd.DataFrame:
    """List the videos of FaceForensics++ as a manifest: the reals first, then every method.

    The root holds ``original_sequences/`` and ``manipulated_sequences/``; c0 is also called raw. A
    fake named ``183_253`` is video 183 with the face of video 253; both are its identities.
    DeepFakeDetection and the actors' originals form a data set of their own, as in the literature;
    the method "actors" adds these originals without the fakes. Each fake gets the mask video of its
    name, if there is one. An unknown compression or method is an OptionError.

    References:
        Roessler et al., "FaceForensics++: Learning to Detect Manipulated Facial Images", ICCV 2019.
    """
    for what, given, known in (
        ("compression", compressions, tuple(FOLDERS)),
        ("method", methods or (), (*METHODS, ACTORS)),
    ):
        if isinstance(given, str):
            raise OptionError(f"Give {what}s as a list, such as [{given!r}].")
        for name in given:
            if name not in known:
                choices = ", ".join(known)
                raise OptionError(f"Unknown {what} {name!r}; FaceForensics++ has {choices}.")
    parts = ("original_sequences", "manipulated_sequences")
    originals, fakes = (require_folder(root, "FaceForensics++", parts) / part for part in parts)
    chosen = methods or [m for m in METHODS if (fakes / m).is_dir()]
    folders = [] if set(chosen) == {DETECTION} else [(originals / "youtube", "real")]
    folders += [(originals / ACTORS, "real")] if {DETECTION, ACTORS} & set(chosen) else []
    folders += [(fakes / method, method) for method in chosen if method != ACTORS]
    rows = [
        row
        for compression in compressions
        for folder, method in folders
        for row in _list_part(folder, method, compression)
    ]
    return as_manifest(rows, Path(root), "FaceForensics++")


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


def read_dfd(root: str | Path, compressions: Sequence[str] = ("c23",)) -> pd.DataFrame:
    """List Google's DeepFakeDetection, as FaceForensics++'s script downloads it.

    References:
        Dufour and Gully, "Contributing Data to Deepfake Detection Research", Google AI Blog 2019.
    """
    return read_ffpp(root, compressions, [DETECTION])


def read_celeb_df(dataset: str, root: str | Path) -> pd.DataFrame:
    """List the videos of "Celeb-DF-v1" or "Celeb-DF-v2" as a manifest.

    The root holds ``Celeb-real/``, ``YouTube-real/``, ``Celeb-synthesis/`` and the official list
    ``List_of_testing_videos.txt``, in which 1 is real and 0 is fake. A fake named ``id0_id16_0003``
    is video ``id0_0003`` with the face of ``id16``; both are its identities. Videos of the list get
    the split "test", all others none: whoever trains on these has seen the people of the test.

    References:
        Li et al., "Celeb-DF: A Large-scale Challenging Dataset for DeepFake Forensics", CVPR 2020.
    """
    root = require_folder(root, dataset, list(CELEB_DF))
    test, remedy = set(), "Copy it from the data set's archive again"
    listed = root / "List_of_testing_videos.txt"
    pattern = rf"([01])\s+(({'|'.join(CELEB_DF)})/\S+)"
    for number, match in read_lines(listed, pattern, "LABEL FOLDER/VIDEO", remedy):
        if (match[1] == "1") != (CELEB_DF[match[3]] == "real"):
            reason = f"line {number}: {match[1]} contradicts {match[2]} (in this list 1 is real)"
            raise ManifestError(reason, remedy=remedy, path=listed)
        test.add(match[2])
    missing = sorted(name for name in test if not (root / name).is_file())
    if missing:
        reason = f"names {missing[0]} and {len(missing) - 1} more videos that are not there"
        remedy = "Unpack the data set again, or delete their lines"
        raise ManifestError(reason, remedy=remedy, path=listed)

    def split(file: Path) -> dict[str, str]:
        return {"split": "test" if f"{file.parent.name}/{file.name}" in test else ""}

    return FolderSet(dataset, CELEB_DF, about=split)(root)


def read_deeper_forensics(root: str | Path, methods: Sequence[str] | None = None) -> pd.DataFrame:
    """List the videos of DeeperForensics-1.0 as a manifest, with its own split.

    The root holds ``manipulated_videos/`` and ``lists/splits/``. A fake named ``000_M101`` is
    FaceForensics++ video 000 with the face of actor M101. The reals of this set, by its authors'
    word, are not the actors' ``source_videos/`` but the FaceForensics++ originals at c23, which lie
    in ``target_videos/``. A target gets the split of the fakes that were made from it.

    References:
        Jiang et al., "DeeperForensics-1.0", CVPR 2020, section 3 and the data set's README.
    """
    dataset = "DeeperForensics-1.0"
    root = require_folder(root, dataset, ["manipulated_videos"])
    variants, lists = root / "manipulated_videos", root / "lists" / "splits"
    folders = sorted(p.name for p in variants.iterdir() if p.is_dir())
    for method in methods or ():
        if method not in folders:
            remedy = f"Choose methods out of {', '.join(folders)}."
            raise ManifestError("is not a folder", remedy=remedy, path=variants / method)
    splits: dict[str, str] = {}
    targets: dict[str, str] = {}
    for split in ("train", "val", "test"):
        file = lists / f"{split}.txt"
        for video in map(Path, file.read_text(encoding="utf-8").split() if file.is_file() else ()):
            target = video.stem.split("_")[0]
            splits[video.stem] = split
            if targets.setdefault(target, split) != split:
                reason = f"target {target} is in {targets[target]} and, as {video.stem}, in {split}"
                remedy = "Take the lists from the download again, or delete one of the lines"
                raise ManifestError(reason, remedy=remedy, path=lists)
    reals = [
        manifest_row(file, dataset, split=targets.get(file.stem, ""))
        for file in find_media(root / "target_videos")
        if not splits or file.stem in targets
    ]
    fakes = [
        manifest_row(file, dataset, method, split=splits.get(file.stem, ""))
        for method in methods or folders
        for file in find_media(variants / method, deep=True)
    ]
    return as_manifest([*reals, *fakes], root, dataset)


# ``real/0003.mp4`` and ``fake/0003_fake.mp4``, which are one identity. Yang et al., "Exposing Deep
# Fakes Using Inconsistent Head Poses", ICASSP 2019.
UADFV: Final = FolderSet("UADFV", {"real": "real", "fake": "FakeApp"})
