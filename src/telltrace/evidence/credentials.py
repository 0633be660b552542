"""C2PA manifests: whether a signed statement of origin fits its file, and who signed it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from .findings import Finding, finding
from .names import source_finding, tag_findings

MARK: Final = b"jumdc2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71"
"""How the description of a C2PA manifest store begins (C2PA 2.1, 11.1.4.2)."""
LARGEST: Final = 2**31
"""Bytes of a file whose manifest is checked: all of it is hashed."""
KINDS: Final = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "GIF": "image/gif",
    "AVIF": "image/avif",
    "RIFF": "video/avi",
    "ISO": "video/mp4",
}


def credential_findings(
    path: Path, form: str, searched: bytes, trust: str | os.PathLike[str] | None
) -> Iterator[Finding]:
    """What the manifest of a file says and is worth; nothing is fetched over a network.

    Args:
        path: The file.
        form: A key of `KINDS`; a file of another form has its manifest unchecked.
        searched: Its first and last bytes, which hold the mark of a manifest if it has one.
        trust: PEM file of certificates that are trusted; None for none.
    """
    if MARK not in searched:
        yield finding("c2pa.absent", "no manifest found")
        return
    why = "" if form in KINDS else "files of this form are not checked"
    if path.stat().st_size > LARGEST:
        why = f"the file has more than {LARGEST >> 30} GiB"
    try:
        import c2pa  # noqa: F401
    except (ImportError, OSError):
        why = "it takes c2pa-python: pip install 'telltrace[c2pa]'"
    if why:
        yield finding("c2pa.unchecked", why)
        return
    yield from _manifest(_read(path, KINDS[form], trust))


def holds_certificates(path: str | os.PathLike[str]) -> bool:
    """Whether a file can be the list of those who are trusted."""
    from ssl import PROTOCOL_TLS_CLIENT, SSLContext  # here, as few scans have such a list

    try:
        SSLContext(PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError:  # no such file, or none of certificates
        return False
    return True


def _read(path: Path, kind: str, trust: str | os.PathLike[str] | None) -> dict[str, Any] | str:
    """The manifest store with the outcome of its checks; or why it cannot be read."""
    import c2pa

    anchors = Path(trust).read_text(encoding="utf-8", errors="replace") if trust else None
    settings = {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
        "trust": {"trust_anchors": anchors} if anchors else {},
    }
    try:
        with (
            path.open("rb") as file,
            c2pa.Context.from_dict(settings) as context,
            c2pa.Reader(kind, file, context=context) as reader,
        ):
            return dict(json.loads(reader.json()))
    except c2pa.C2paError as error:
        return str(error)


def _manifest(store: dict[str, Any] | str) -> Iterator[Finding]:
    if isinstance(store, str):
        yield finding("c2pa.invalid", "it cannot be read:", store)
        return
    manifests = store["manifests"]
    active = manifests[store["active_manifest"]]
    signature = active.get("signature_info") or {}
    signer = signature.get("issuer") or signature.get("common_name") or "unnamed"
    state = {"Trusted": "c2pa.trusted", "Valid": "c2pa.untrusted"}
    kind = state.get(str(store.get("validation_state")), "c2pa.invalid")
    codes = sorted({str(s.get("code")) for s in store.get("validation_status") or ()})
    yield finding(kind, f"signed by {signer}", f"({', '.join(codes)})" if codes else "")
    yield from _statements(active, "C2PA")
    for one in manifests.values():
        if one is not active:
            yield from _statements(one, "C2PA of an ingredient:")


def _statements(manifest: dict[str, Any], whose: str) -> Iterator[Finding]:
    """The programs and the sources that one manifest names."""
    for tool in manifest.get("claim_generator_info") or ():
        name = f"{tool.get('name', '')} {tool.get('version', '')}"
        yield from tag_findings(f"{whose} claim generator", name)
    for assertion in manifest.get("assertions") or ():
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            for action in (assertion.get("data") or {}).get("actions") or ():
                yield from _action(action, whose)


def _action(action: dict[str, Any], whose: str) -> Iterator[Finding]:
    what = f"{whose} {action.get('action', 'action')}"
    if action.get("digitalSourceType"):
        yield source_finding(what, str(action["digitalSourceType"]))
    agent = action.get("softwareAgent") or ""
    name = str(agent.get("name", "") if isinstance(agent, dict) else agent)
    yield from tag_findings(what, name)
