"""Containers of video: their codecs, tracks, encoders and tags, nothing decoded."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from av.container import InputContainer
from av.stream import Disposition

from telltrace.faces.media import MediaError
from telltrace.faces.packets import opened

from .findings import Finding, finding
from .names import GENERATORS, tag_findings

MAKERS: Final = (
    ("com.apple.quicktime.make", "com.apple.quicktime.model"),
    ("com.android.manufacturer", "com.android.model"),
    ("make", "model"),
)
WRITERS: Final = frozenset({"encoder", "com.apple.quicktime.software", "encoded_by", "writer"})
QUIET: Final = frozenset({"language", "duration", "creation_time", "handler_name", "vendor_id"})
"""Tags that are passed over; the times are read elsewhere or told."""
TAGS: Final = 200
"""Tags of a file that are looked at."""
OTHER: Final = ("audio", "subtitle", "data", "attachment")


def container_findings(path: Path, head: bytes) -> Iterator[Finding]:
    """What a container says beside its pictures; one that cannot be opened says nothing.

    ``head`` are its first bytes, in which encoders leave their settings.
    """
    try:
        with opened(path) as (container, _):
            yield from _tracks(container)
            yield from _tags(container)
    except MediaError:  # no video, or damage that the verdict names
        return
    if settings := encoder_settings(head):
        yield finding("container.encoder", "settings in the pictures:", settings)


def _tracks(container: InputContainer) -> Iterator[Finding]:
    pictures = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
    ]
    names = [_codec(stream) for stream in container.streams]
    yield finding("container.codecs", f"{container.format.name}:", ", ".join(names))
    if len(pictures) > 1:
        said = ", ".join(_codec(stream) for stream in pictures)
        yield finding("container.several", f"{len(pictures)} tracks of pictures:", said)
    kinds = Counter(stream.type for stream in container.streams)
    others = [
        f"{kinds[kind]} {kind} track{'s' * (kinds[kind] > 1)}" for kind in OTHER if kinds[kind]
    ]
    if others:
        yield finding("tracks.unexamined", ", ".join(others))


def _codec(stream: Any) -> str:
    codec = stream.codec_context
    if codec is None:
        return f"{stream.type} of an unknown codec"
    size = f" {codec.width} x {codec.height}" if stream.type == "video" else ""
    return f"{stream.type} {codec.name}{size}"


def _tags(container: InputContainer) -> Iterator[Finding]:
    """Each tag of the whole and of the tracks, once."""
    told: set[tuple[str, str]] = set()
    whole = {key.lower(): value for key, value in container.metadata.items()}
    for make, model in MAKERS:
        if camera := " ".join(filter(None, (whole.pop(make, ""), whole.pop(model, "")))):
            yield finding("camera.model", "container:", camera)
    for tags in (whole, *(stream.metadata for stream in container.streams)):
        for key, value in list(tags.items())[:TAGS]:
            name = key.lower()
            if (name, value) not in told and name not in QUIET:
                told.add((name, value))
                plain = "generator.tag" if GENERATORS.search(key) else ""
                plain = "container.encoder" if name in WRITERS else plain
                yield from tag_findings(f"tag {key}", value, plain)
    if whole.get("creation_time") and container.format.name.partition(",")[0] != "mov":
        yield finding("time.stated", "container: made", whole["creation_time"])


def encoder_settings(data: bytes) -> str:
    """The options that x264 and x265 write into the first frame; "" if there are none."""
    for name in (b"x264 - core", b"x265 (build"):
        at = data.find(name)
        if at >= 0:
            return data[at : at + 2000].partition(b"\0")[0].decode("ascii", "replace")
    return ""
