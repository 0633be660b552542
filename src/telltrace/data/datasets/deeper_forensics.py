"""DeeperForensics-1.0: eleven variants of a thousand fakes, and the FaceForensics++ targets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from ...errors import ManifestError
from .listing import as_manifest, find_media, manifest_row, require_folder

DATASET: Final = "DeeperForensics-1.0"


def read_deeper_forensics(root: str | Path, methods: Sequence[str] | None = None) -> pd.DataFrame:
    """List the videos of DeeperForensics-1.0 as a manifest, with its own split.

    The root holds ``manipulated_videos/`` and ``lists/splits/``. A fake named ``000_M101`` is
    FaceForensics++ video 000 with the face of actor M101. The actors' ``source_videos/`` are not
    the reals of this set, by its authors' word: those are the FaceForensics++ originals at c23,
    which are not part of the download and lie in ``target_videos/``. A target gets the split of the
    fakes that were made from it.

    Raises:
        ManifestError: If the layout or a variant is not there, or one target's fakes lie in two
            splits.

    References:
        Jiang et al., "DeeperForensics-1.0", CVPR 2020, section 3 and the data set's README.
    """
    root = require_folder(root, DATASET, ["manipulated_videos"])
    folders = sorted(p.name for p in (root / "manipulated_videos").iterdir() if p.is_dir())
    unknown = [m for m in methods or () if m not in folders]
    if unknown:
        remedy = f"Choose methods out of {', '.join(folders)}."
        path = root / "manipulated_videos" / unknown[0]
        raise ManifestError("is not a folder", remedy=remedy, path=path)
    splits = _splits(root / "lists" / "splits")
    fakes = [
        manifest_row(file, DATASET, method, split=splits.get(file.stem, ""))
        for method in methods or folders
        for file in find_media(root / "manipulated_videos" / method, deep=True)
    ]
    by_target = _by_target(splits, root)
    reals = [
        manifest_row(file, DATASET, split=by_target.get(file.stem, ""))
        for file in find_media(root / "target_videos")
        if not splits or file.stem in by_target
    ]
    return as_manifest([*reals, *fakes], root, DATASET)


def _splits(folder: Path) -> dict[str, str]:
    """The split of every fake that the authors' lists name; none without the lists."""
    return {
        Path(line.strip()).stem: split
        for split in ("train", "val", "test")
        if (folder / f"{split}.txt").is_file()
        for line in (folder / f"{split}.txt").read_text(encoding="utf-8").splitlines()
        if line.strip()
    }


def _by_target(splits: dict[str, str], root: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for video, split in splits.items():
        target = video.split("_")[0]
        if found.setdefault(target, split) != split:
            raise ManifestError(
                f"target {target} is in {found[target]} and, as {video}, in {split}",
                remedy="Take the lists from the download again, or delete one of the lines",
                path=root / "lists" / "splits",
            )
    return found
