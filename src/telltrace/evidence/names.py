"""Programs that call themselves by name in metadata, and the words of digital source types."""

import re
from collections.abc import Iterator
from typing import Final

from .findings import Finding, finding

GENERATORS: Final = re.compile(
    r"\b(stable ?diffusion|sdxl|automatic1111|comfyui|invokeai|novelai|fooocus|draw things|"
    r"midjourney|dall[-·•_ ]?e|firefly|flux\.?1|ideogram|leonardo\.ai|nightcafe|artbreeder|"
    r"openai|chatgpt|gpt-4o|imagen|gemini|made with google ai|grok|runway|sora|kling|hailuo|"
    r"stability ai|aigc|deepface ?lab|deepfacelive|face ?swap|facefusion|roop|reface|heygen|"
    r"synthesia|this ?person ?does ?not ?exist|stylegan\w*)\b",
    re.IGNORECASE,
)
"""Names of generators of pictures, and of programs that swap faces."""

EDITORS: Final = re.compile(
    r"\b(photoshop|lightroom|camera raw|gimp|affinity photo|paint\.net|paintshop|pixelmator|"
    r"snapseed|facetune|faceapp|meitu|beautyplus|remini|vsco|picsart|canva|capture one|darktable|"
    r"rawtherapee|luminar|after effects|premiere|final cut|imovie|davinci resolve|capcut|"
    r"videoleap|kinemaster|inshot|filmora|vegas pro|avidemux)\b",
    re.IGNORECASE,
)
"""Names of programs with which people edit pictures and videos."""

SOURCE: Final = re.compile(r"digitalsourcetype/(\w+)", re.IGNORECASE)
"""https://cv.iptc.org/newscodes/digitalsourcetype/"""

GENERATED: Final = frozenset(
    "trainedAlgorithmicMedia compositeWithTrainedAlgorithmicMedia algorithmicMedia "
    "algorithmicallyEnhanced compositeSynthetic virtualRecording dataDrivenMedia".lower().split()
)
CAMERA: Final = frozenset(
    "digitalCapture computationalCapture negativeFilm positiveFilm print".lower().split()
)


def tag_findings(where: str, text: str, plain: str = "software.tag") -> Iterator[Finding]:
    """What the words of a tag give: a generator, an editor, or else a finding of ``plain``."""
    if not text.strip():
        return
    kind = plain
    if GENERATORS.search(text):
        kind = "generator.tag"
    elif EDITORS.search(text):
        kind = "editor.tag"
    if kind:
        yield finding(kind, f"{where}:", text)


def source_finding(where: str, value: str) -> Finding:
    """What a digital source type says, given as its address or its last word."""
    known = SOURCE.search(value)
    word = known[1] if known else value.strip().rpartition("/")[2]
    kind = "source.other"
    if word.lower() in GENERATED:
        kind = "source.generated"
    elif word.lower() in CAMERA:
        kind = "source.camera"
    return finding(kind, f"{where}:", word)
