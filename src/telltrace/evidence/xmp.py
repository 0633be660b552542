"""XMP: what a packet says of digital source types, programs and times (ISO 16684-1)."""

from collections.abc import Iterator
from typing import Final
from xml.etree import ElementTree

from .findings import Finding, finding
from .names import source_finding, tag_findings

NAMING: Final = {
    "creatortool": "software.tag",
    "softwareagent": "software.tag",
    "credit": "",
    "aisystemused": "generator.tag",
    "aigc": "generator.tag",
    "make": "",
    "description": "",
    "creator": "",
}
"""Properties that may name a program, and what they are if it is not a known one."""


class _Builder(ElementTree.TreeBuilder):
    """Refuses a document type, in whatever encoding, before it can define anything."""

    def doctype(self, *_: object) -> None:
        raise ValueError("has a document type, as no XMP has")


def xmp_findings(packet: bytes) -> Iterator[Finding]:
    """What a packet says; a ValueError or a ParseError if it is damaged."""
    text = packet.strip(b"\0 \t\r\n")
    if not text:
        return
    parser = ElementTree.XMLParser(target=_Builder())
    told: set[Finding] = set()
    times: dict[str, str] = {}
    for name, value in _properties(ElementTree.fromstring(text, parser)):
        for one in _one(name, value):
            if one not in told:  # a history repeats itself
                yield one
            told.add(one)
        if name in ("createdate", "modifydate"):
            times[name.removesuffix("date")] = value
    if times:
        yield finding("time.stated", "XMP:", ", ".join(f"{k} {v}" for k, v in times.items()))


def _properties(root: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Names without their namespaces, in lower case, and values of elements and attributes."""
    for element in root.iter():
        own = _local(element.tag)
        yield own, (element.text or "").strip()
        for name, value in element.attrib.items():
            local = _local(name)
            yield own if local == "resource" else local, value.strip()
        if own in NAMING:  # a list or a choice of languages
            for item in (item for group in element for item in group):
                yield own, (item.text or "").strip()


def _local(name: str) -> str:
    return name.rpartition("}")[2].lower()


def _one(name: str, value: str) -> Iterator[Finding]:
    if not value:
        return
    if name == "digitalsourcetype":
        yield source_finding("XMP", value)
    elif name == "provenance" and "://" in value:
        yield finding("c2pa.unchecked", "XMP names a manifest that is not fetched:", value)
    elif name in NAMING:
        yield from tag_findings(f"XMP {name}", value, NAMING[name])
