"""Any folder of images and videos that sorts them into ``real/`` and ``fake/``."""

from collections import Counter
from pathlib import Path
from typing import Final, Literal

import pandas as pd

from ...errors import ManifestError
from .listing import as_manifest, manifest_row

SIDE_FILES: Final = {
    *(".csv", ".tsv", ".json", ".jsonl", ".txt", ".md", ".xml", ".html", ".pdf", ".log"),
    *(".yaml", ".yml", ".npy", ".npz", ".pt", ".pkl", ".ini", ".db", ".srt", ".py", ".sh"),
}
"""Files that lie beside media and are no media. Any other file is listed: whether it is an image
or a video is decided by its content, and what turns out to be neither is reported by name."""


def read_folder(
    root: str | Path, name: str | None = None, label: Literal["real", "fake"] | None = None
) -> pd.DataFrame:
    """List the media under ``root/real`` and ``root/fake``, at any depth, as a manifest.

    The identity of a medium is the folder it lies in below ``real/`` or ``fake/``, so that
    ``real/anna/1.mp4`` and ``fake/anna/7.png`` show one person; without such a folder it is its own
    name, with the class where there are two. A "+" in either joins several people. ``label`` is
    what everything in a folder without these is. Without media it is a ManifestError.
    """
    root = Path(root)
    if not root.is_dir():
        what = "is not a folder" if not root.is_file() else "is a file"
        raise ManifestError(what, remedy="Give the folder that holds real/ and fake/.", path=root)
    classes = {kind: root / kind for kind in ("real", "fake") if (root / kind).is_dir()}
    if label is not None:
        classes = {label: root}
    if not classes:
        remedy = 'Sort the media into these, or give label="real" or label="fake" if all are one.'
        raise ManifestError("holds neither real/ nor fake/", remedy=remedy, path=root)
    dataset = name or root.absolute().name
    rows = []
    for kind, top in classes.items():
        found = [file.relative_to(top) for file in top.rglob("*") if file.is_file()]
        files = sorted(filter(_is_listed, found), key=lambda file: (file.as_posix(), file))
        stems = Counter(file.with_suffix("") for file in files)
        for file in files:
            stem = file.with_suffix("")
            # 217 of real/ and 217 of fake/ are numbers, and not one person
            own = file.stem if len(classes) == 1 else f"{kind}/{file.stem}"
            person = own if file.parent == Path() else file.parent.as_posix()
            video = (stem if stems[stem] == 1 else file).as_posix()
            rows.append(manifest_row(top / file, dataset, kind, video, person))
    if not rows:
        where = " and ".join(f"{top.name}/" for top in classes.values())
        remedy = "Put pictures or videos of faces there."
        raise ManifestError(f"holds no media in {where}", remedy=remedy, path=root)
    return as_manifest(rows, root, dataset)


def _is_listed(file: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.parts)
    return not hidden and file.suffix.lower() not in SIDE_FILES and file.name != "Thumbs.db"
