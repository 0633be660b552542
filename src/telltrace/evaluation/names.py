"""Who is in a video, by the naming rule of its data set, and what the path of a crop tells."""

import re
from pathlib import PurePosixPath
from typing import Final

COMPRESSIONS: Final = {"raw": "c0", "c0": "c0", "c23": "c23", "c40": "c40"}
SHELVES: Final = frozenset(
    {"real", "fake", "0", "1", "train", "val", "valid", "test", "images", "faces", "frames"}
)
"""Names of folders that sort pictures and name no video."""
ACTORS: Final = re.compile(r"(?:.*/)?(\d\d__[a-z_]{5,}|\d\d_\d\d__[a-z_]{5,}__[A-Z0-9]{8})")
"""Names of DeepFakeDetection's videos: actors, scene, and eight signs for a fake."""


def naming_of(dataset: str, video: str) -> str:
    """The data set by whose rule a video is named, which need not be the one it is filed under.

    Examples:
        >>> naming_of("dfd", "real/01__walking"), naming_of("dfd", "0001")
        ('DeepFakeDetection', 'dfd')
    """
    return "DeepFakeDetection" if ACTORS.fullmatch(video) else dataset


def people_of(dataset: str, video: str) -> str:
    """The identities in a video, by its name and data set, joined by "+"; without a rule its name.

    Examples:
        >>> people_of("FaceForensics++", "183_253"), people_of("Celeb-DF-v2", "id0_id16_0003")
        ('183+253', 'id0+id16')
        >>> people_of("DeeperForensics-1.0", "000_M101"), people_of("UADFV", "0003_fake")
        ('000+M101', '0003')
        >>> people_of("DeepFakeDetection", "01_02__walking__A1B2"), people_of("DFDC", "aabbcc")
        ('01+02', 'aabbcc')
    """
    return "+".join(sources_of(dataset, video) or [video])


def sources_of(dataset: str, video: str) -> list[str] | None:
    """The people or videos that a video was made from, by its name; None without a rule for it."""
    if actors := ACTORS.fullmatch(video):
        return actors[1].split("__")[0].split("_")
    key = re.sub(r"[^a-z]", "", dataset.lower())
    if key.startswith("celeb"):
        return re.findall(r"(?:^|_)(id\d+)(?=_)", video) or None
    if key.startswith("uadfv"):
        return [video.removesuffix("_fake")]
    if key.startswith("deeperforensics"):
        actor = re.match(r"([MW]\d{3})_", video)
        return [actor[1]] if actor else video.split("_")
    if key.startswith("deepfakedetection"):
        return video.split("__")[0].split("_")
    if key in ("faceforensics", "ffpp", "ff", "faceshifter") and re.fullmatch(r"\d+(_\d+)?", video):
        return video.split("_")
    return None


def describe(folder: str, label: int) -> tuple[str, str, str, str]:
    """Method, compression, video and identities that a crop folder's path tells of.

    Knows the folders of FaceForensics++ and the names of Celeb-DF. Elsewhere the method of a
    fake is the name of the folder around, and every video is its own identity.

    Examples:
        >>> describe("/faces/manipulated_sequences/Face2Face/c23/071_054.mp4", 1)
        ('Face2Face', 'c23', '071_054', '071+054')
        >>> describe("/faces/Celeb-real/id0_0003.mp4", 0)
        ('real', '', 'id0_0003', 'id0')
    """
    parts = PurePosixPath(folder.replace("\\", "/")).parts
    video = re.sub(r"\.(mp4|avi|mov|mkv|webm)$", "", parts[-1], flags=re.IGNORECASE)
    compression = next((COMPRESSIONS[part] for part in parts if part in COMPRESSIONS), "")
    around = [p for p in parts[:-1] if p not in {*COMPRESSIONS, *SHELVES, "videos", "/"}]
    method = "real" if label == 0 else (around[-1] if around else "fake")
    dataset = "FaceForensics++" if "manipulated_sequences" in parts else "Celeb-DF"
    return method, compression, video, people_of(dataset, video)


def describe_crop(path: str, label: int) -> tuple[str, str, str, str, int]:
    """The same for a single crop, and its frame.

    Where the folder only sorts, the video is the file's name without the last number.

    Examples:
        >>> describe_crop("Deepfakes/c23/071_054/0012.png", 1)
        ('Deepfakes', 'c23', '071_054', '071_054', 12)
        >>> describe_crop("train/fake/071_054_0012.png", 1)[2:]
        ('071_054', '071_054', 12)
        >>> describe_crop("real/00017.png", 0)[2:]
        ('00017', '00017', 0)
    """
    file = PurePosixPath(path.replace("\\", "/"))
    number = re.search(r"(\d+)$", file.stem)
    frame = int(number[1]) if number else 0
    if file.parent.name not in SHELVES and file.parent.name not in ("", "/", ".."):
        return *describe(file.parent.as_posix(), label), frame
    head = file.stem[: number.start()].rstrip("_-. ") if number else ""
    name = head or file.stem
    return *describe((file.parent / name).as_posix(), label), frame if head else 0
