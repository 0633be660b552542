"""Who is in a video, by the naming rule of its data set."""

import re


def people_of(dataset: str, video: str) -> str:
    """The identities in a video, joined by "+"; the video's own name where no rule is known.

    Args:
        dataset: Name of the data set; spelling and version do not matter.
        video: The video's name, without folder and suffix.

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
    """The people or videos that a video was made from, by its name; None without a rule for it.

    Examples:
        >>> sources_of("FaceForensics++", "183_253"), sources_of("FaceForensics++", "183")
        (['183', '253'], ['183'])
        >>> sources_of("holiday", "183_253") is None
        True
    """
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
