"""Text that generators of pictures leave in PNG files (ISO/IEC 15948, section 11.3.4)."""

import re
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from .findings import Finding, finding
from .names import tag_findings
from .reading import LIMIT, TooLargeError, checked

KEYS: Final = {
    "parameters": ("Stable Diffusion web UI", re.compile(r"\bSteps: \d+")),
    "prompt": ("ComfyUI", re.compile(r"\A\s*\{")),
    "workflow": ("ComfyUI", re.compile(r"\A\s*\{")),
    "invokeai_metadata": ("InvokeAI", re.compile(r"\A\s*\{")),
    "sd-metadata": ("InvokeAI", re.compile(r"\A\s*\{")),
    "Dream": ("InvokeAI", re.compile(r" -s ?\d+")),
    "fooocus_scheme": ("Fooocus", re.compile(r"\w")),
    "generation_data": ("TensorArt", re.compile(r"\A\s*\{")),
}
"""Keywords under which a program writes down how it made a picture, and what the text must hold."""
CHUNKS: Final = 4096
"""Chunks of a file that are looked at."""
XMP: Final = "XML:com.adobe.xmp"


def png_findings(file: BinaryIO) -> Iterator[Finding]:
    """What text chunks say, wherever in the file they stand; a ValueError if one is damaged."""
    for keyword, text in read_texts(file):
        program, pattern = KEYS.get(keyword, ("", None))
        if pattern is not None and pattern.search(text):
            yield finding("generator.tag", f"PNG {keyword} as {program} writes it:", text)
        elif keyword == "Software":
            yield from tag_findings("PNG software", text)
        else:
            yield from tag_findings(f"PNG {keyword}", text, "")


def read_texts(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """Keyword and text of each text chunk but XMP; the pixels between are passed over."""
    file.seek(8)
    for _ in range(CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return
        size, kind = struct.unpack(">I4s", head)
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            if size > LIMIT:
                raise TooLargeError(f"a text of {size:,} bytes")
            data = file.read(size)
            keyword, _, rest = data.partition(b"\0")
            name = keyword.decode("latin-1")
            if name != XMP:
                yield name, _text(kind, rest)
            file.seek(4, 1)
        else:
            file.seek(size + 4, 1)


def _text(kind: bytes, rest: bytes) -> str:
    if kind == b"tEXt":
        return rest.decode("utf-8", "replace")  # Latin-1 by the standard, and seldom so
    if kind == b"zTXt":
        return _inflate(rest[1:]).decode("utf-8", "replace")
    packed, rest = rest[:1] == b"\1", rest[2:]
    _language, _, rest = rest.partition(b"\0")
    _translated, _, rest = rest.partition(b"\0")
    return (_inflate(rest) if packed else rest).decode("utf-8", "replace")


def _inflate(data: bytes) -> bytes:
    """Decompress no more than is read."""
    return checked(zlib.decompressobj().decompress(data, LIMIT + 1))
