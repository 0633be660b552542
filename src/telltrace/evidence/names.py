"""Programs that call themselves by name in metadata, and the words of digital source types."""

import re
from collections.abc import Iterator
from typing import Final

from .findings import Finding, finding

GENERATORS: Final = re.compile(
    r"\b(stable ?diffusion|sdxl|automatic1111|comfyui|invokeai|novelai|fooocus|midjourney|"
    r"dall[-·•_ ]?e|adobe firefly|flux\.?1|leonardo\.ai|nightcafe|artbreeder|chatgpt|gpt-4o|"
    r"made with google ai|hailuo|stability ai|aigc|deepface ?lab|deepfacelive|face ?swap|"
    r"facefusion|heygen|this ?person ?does ?not ?exist|stylegan\w*)\b",
    re.IGNORECASE,
)
"""Names of generators of pictures, and of programs that swap faces."""

EDITORS: Final = re.compile(
    r"\b(photoshop|lightroom|gimp|affinity photo|paint\.net|paintshop|pixelmator|snapseed|facetune|"
    r"faceapp|meitu|beautyplus|vsco|picsart|capture one|darktable|rawtherapee|premiere pro|"
    r"final cut pro|imovie|davinci resolve|capcut|videoleap|kinemaster|filmora|avidemux)\b",
    re.IGNORECASE,
)
"""Names of programs with which people edit pictures and videos."""

WORDS: Final = {
    "generator.tag": re.compile(
        r"\b(draw things|firefly|ideogram|openai|imagen|gemini|grok|runway|sora|kling|roop|reface|"
        r"synthesia)\b",
        re.IGNORECASE,
    ),
    "editor.tag": re.compile(
        r"\b(camera raw|remini|canva|luminar|after effects|premiere|final cut|inshot|vegas pro)\b",
        re.IGNORECASE,
    ),
}
"""Names that are words or people's names too, which count where a tag names a program."""

PROGRAM: Final = frozenset({"software.tag", "container.encoder"})
"""Kinds of tags that name a program; others hold free text."""

SOURCE: Final = re.compile(r"digitalsourcetype/(\w+)", re.IGNORECASE)
"""https://cv.iptc.org/newscodes/digitalsourcetype/"""

GENERATED: Final = frozenset(
    "trainedAlgorithmicMedia compositeWithTrainedAlgorithmicMedia algorithmicMedia "
    "compositeSynthetic virtualRecording".lower().split()
)
CAMERA: Final = frozenset(
    "digitalCapture computationalCapture negativeFilm positiveFilm print".lower().split()
)


def tag_findings(where: str, text: str, plain: str = "software.tag") -> Iterator[Finding]:
    """What the words of a tag give: a generator, an editor, or else a finding of ``plain``.

    Free text, whose ``plain`` is none of `PROGRAM`, can say "runway" and mean one.
    """
    if not text.strip():
        return
    kind = plain
    for named, names in (("generator.tag", GENERATORS), ("editor.tag", EDITORS)):
        if names.search(text) or (plain in PROGRAM and WORDS[named].search(text)):
            kind = named
            break
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
