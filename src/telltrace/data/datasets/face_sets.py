"""Public sets of faces and talking people, each with the split that keeps its people apart.

A set whose folders or tables are not there, or hold no media, is a ManifestError.
"""

import csv
import re
from functools import partial
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Final

import pandas as pd

from ...errors import ManifestError
from ...files import text_sha256
from .listing import (
    PICTURES,
    SPLITS,
    VIDEOS,
    FolderSet,
    as_manifest,
    find_media,
    manifest_row,
    require_folder,
)

HFF_REALS: Final = ("celeba", "celebahq", "faceforensics", "youtube", "youtubeframe")
HFF_TYPES: Final = {
    **dict.fromkeys((*HFF_REALS, "youtubeframes"), "real"),
    "pggan": "PGGAN",
    "progan": "PGGAN",
    "stylegan": "StyleGAN",
    "glow": "Glow",
    "stargan": "StarGAN",
    "face2face": "Face2Face",
}
"""The eight kinds of pictures, by their folder's name without case and punctuation."""
UTK_RACES: Final = ("white", "black", "asian", "indian", "other")


def split_by_hash(name: str, test: float, val: float) -> str:
    """The split of a name, by its SHA-256 alone; ``test`` and ``val`` are shares of names."""
    place = int(text_sha256(name)[:8], 16) / 2**32
    return "test" if place < test else "val" if place < test + val else "train"


def read_dfdc_faces(root: str | Path, fakes: int | None = None) -> pd.DataFrame:
    """Face crops of the Deepfake Detection Challenge, one a video, with the real each came from.

    They are listed in ``faces.csv`` beside ``real/`` and ``fake/``, or in ``metadata.csv`` (columns
    videoname, label, original) beside ``faces_224/``. The identity of a crop is its group, the name
    of the real video. The first hex digit of the SHA-256 of that video's file name settles the
    split: 0 is test, 1 is validation, ``f`` is left out (reserved), all others train. Prepare them
    with --size 224 --margin 1.1. At most ``fakes`` of a group are taken, by a hash of their names.
    """
    root = require_folder(root, "the DFDC faces", ("faces.csv", "metadata.csv"))
    ours = (root / "faces.csv").is_file()
    rows = []
    with (root / ("faces.csv" if ours else "metadata.csv")).open(newline="") as file:
        for line in csv.DictReader(file):
            video = line["video"] if ours else Path(line["videoname"]).stem
            path = root / (line["path"] if ours else f"faces_224/{video}.jpg")
            fake = line["label"] in ("1", "FAKE")
            group = Path(line["original"]).stem if fake else video
            digit = text_sha256(f"{group}.mp4")[0]
            if digit != "f" and path.is_file():
                split = {"0": "test", "1": "val"}.get(digit, "train")
                about = ("DFDC-faces", "dfdc" if fake else "real", video, group)
                rows.append(manifest_row(path, *about, split=split, frame=0))
    if fakes is not None:
        ordered = sorted(rows, key=lambda row: (row["identity"], text_sha256(row["video"])))
        groups = groupby((row for row in ordered if row["label"]), itemgetter("identity"))
        rows = [row for row in rows if not row["label"]]
        rows += [row for _, group in groups for row in islice(group, fakes)]
    return as_manifest(sorted(rows, key=lambda row: str(row["path"])), root, "the DFDC faces")


def read_hff(root: str | Path) -> pd.DataFrame:
    """List the pictures of the Hybrid Fake Face set as a manifest.

    Each picture lies in a folder named after one of the eight kinds (CelebA, CelebA-HQ and
    FaceForensics are real; PGGAN, StyleGAN, Glow, StarGAN and Face2Face are fake), at any depth
    and in any spelling, else it is a ManifestError; a folder ``train`` or ``test`` around it gives
    its split. The set names no people: every picture is its own identity.

    References:
        Guo et al., "Fake face detection via adaptive manipulation traces extraction network",
        CVIU 2021, section 4.1.
    """
    root, rows = Path(root), []
    for file in find_media(root, PICTURES, deep=True):
        place = file.relative_to(root)
        folders = [re.sub(r"[^a-z0-9]", "", part.lower()) for part in place.parts[:-1]]
        method = next((HFF_TYPES[name] for name in reversed(folders) if name in HFF_TYPES), None)
        if method is None:
            reason = f"lies in no folder named after one of {', '.join(sorted(HFF_TYPES))}"
            raise ManifestError(reason, remedy="Name its folder so, or move it away.", path=file)
        name = place.with_suffix("").as_posix()
        split = next((SPLITS[folder] for folder in folders if folder in SPLITS), "")
        rows.append(manifest_row(file, "HFF", method, name, name, split=split))
    return as_manifest(rows, root, "HFF")


def utkface_group(name: str) -> tuple[int, str, str] | None:
    """Age in years, sex and race that UTKFace's labels give a file; None if it has no such name."""
    match = re.match(r"(\d{1,3})_([01])_([0-4])_\d+", name)
    if match is None:
        return None
    age, sex, race = (int(part) for part in match.groups())
    return age, ("male", "female")[sex], UTK_RACES[race]


def clip_person(stem: str) -> str:
    """Who is seen in a clip, by its name.

    Examples:
        >>> clip_person("styletalk_obama_clip2"), clip_person("styletalk_feifeili_clip2_short")
        ('styletalk_obama', 'styletalk_feifeili')
        >>> clip_person("celebvtext_2gdhdmqlrfa_0_0"), clip_person("talkvid_gender_male_2")
        ('celebvtext_2gdhdmqlrfa', 'talkvid_gender_male_2')
    """
    source = stem.split("_")[0]
    if source == "styletalk":
        return re.sub(r"(_talk\d+)?_clip\d+.*$", "", stem)
    return re.sub(r"_\d+_\d+$", "", stem) if source == "celebvtext" else stem


def _of_lfw(file: Path) -> dict[str, str]:
    person = re.sub(r"_\d{4}$", "", file.stem)
    return {"identity": person, "split": split_by_hash(person, 0.1, 0.1)}


def _of_utkface(file: Path) -> dict[str, str] | None:
    video, split = file.name.split(".")[0], split_by_hash(file.name, 0.5, 0.1)
    return {"video": video, "split": split} if utkface_group(file.name) else None


def _of_clips(file: Path) -> dict[str, str]:
    person = clip_person(file.stem)
    return {"identity": person, "split": split_by_hash(person, 0.22, 0.25)}


def _own_identity(dataset: str, test: float, val: float, file: Path) -> dict[str, str]:
    """Nobody recorded which real a fake was made from."""
    name = f"{file.parent.name}/{file.stem}"
    return {"video": name, "identity": name, "split": split_by_hash(f"{dataset}/{name}", test, val)}


_splices = partial(_own_identity, "CIPLab", 0.25, 0.15)
_generated = partial(_own_identity, "FFHQ-StyleGAN", 0.15, 0.1)

# Labeled Faces in the Wild: real photographs; a tenth of the people test, a tenth validate.
LFW: Final = FolderSet("LFW", {".": "real"}, PICTURES, _of_lfw, deep=True)
# Real faces in files ``age_gender_race_date.jpg``, see `utkface_group`; half of them test.
UTKFACE: Final = FolderSet("UTKFace", {".": "real"}, PICTURES, _of_utkface, deep=True)
# Photographs, real or spliced by hand; a quarter tests.
SPLICES: Final = FolderSet("CIPLab", {"real": "real", "fake": "splice"}, PICTURES, _splices)
# Photographs and faces by a generator; 15 % test.
GENERATED: Final = FolderSet(
    "FFHQ-StyleGAN", {"real": "real", "ai": "stylegan"}, PICTURES, _generated
)
# Real people talking, in files ``source_person_number.mp4``; a fifth tests, a quarter validates.
REAL_CLIPS: Final = FolderSet("real-clips", {".": "real"}, VIDEOS | {".mpg"}, _of_clips)
