"""C2PA manifests that are intact, by a stranger, broken, unreadable here, and absent."""

import sys
from pathlib import Path
from typing import Any

import pytest

from telltrace.evidence.credentials import holds_certificates
from telltrace.evidence.provenance import read_provenance


def kinds(found: Any) -> set[str]:
    return {one.kind for one in found}


@pytest.fixture(params=["jpg", "png", "webp", "mp4"])
def unsigned(request: pytest.FixtureRequest, material: Any, tmp_path: Path) -> Path:
    path = tmp_path / f"plain.{request.param}"
    if request.param == "mp4":
        return Path(material.write_video(path))
    material.Image.fromarray(material.landscape(3)).save(path)
    return path


def test_of_an_intact_manifest_the_list_of_signers_decides(
    unsigned: Path, signer: Any, tmp_path: Path, told: Any
) -> None:
    signed = signer.sign(unsigned, tmp_path / f"signed{unsigned.suffix}")
    trusted = read_provenance(signed, signer.anchors)
    assert told(trusted, "c2pa.trusted")[0].startswith("signed by Test Signers")
    assert told(trusted, "source.camera") == ["C2PA c2pa.created: digitalCapture"]
    assert any("A camera 1" in one for one in told(trusted, "software.tag"))
    stranger = read_provenance(signed)
    assert "c2pa.untrusted" in kinds(stranger)
    assert not {"c2pa.trusted", "c2pa.invalid", "c2pa.absent"} & kinds(stranger)


def test_a_file_changed_after_signing_is_invalid(
    unsigned: Path, signer: Any, tmp_path: Path, told: Any
) -> None:
    signed = signer.sign(unsigned, tmp_path / f"signed{unsigned.suffix}")
    data = bytearray(signed.read_bytes())
    places = {".png": data.rfind(b"IDAT") + 20, ".mp4": data.rfind(b"mdat") + 100}
    data[places.get(unsigned.suffix, len(data) - 30)] ^= 1
    signed.write_bytes(data)
    (broken,) = told(read_provenance(signed, signer.anchors), "c2pa.invalid")
    assert "mismatch" in broken


def test_a_damaged_manifest_is_invalid(material: Any, signer: Any, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(material.jpeg(material.landscape(1), 90))
    signed = signer.sign(tmp_path / "a.jpg", tmp_path / "b.jpg")
    data = bytearray(signed.read_bytes())
    at = data.index(b"jumdc2pa") + 60
    data[at : at + 200] = bytes(200)
    signed.write_bytes(data)
    assert "c2pa.invalid" in kinds(read_provenance(signed, signer.anchors))


def test_generated_content_that_is_signed_says_so(
    material: Any, signer: Any, tmp_path: Path, told: Any
) -> None:
    (tmp_path / "a.jpg").write_bytes(material.jpeg(material.landscape(1), 90))
    made = "trainedAlgorithmicMedia"
    signed = signer.sign(tmp_path / "a.jpg", tmp_path / "b.jpg", made)
    found = read_provenance(signed, signer.anchors)
    assert told(found, "source.generated") == [f"C2PA c2pa.created: {made}"]


def test_what_an_ingredient_says_of_itself_is_told(
    material: Any, signer: Any, tmp_path: Path, told: Any
) -> None:
    (tmp_path / "a.jpg").write_bytes(material.jpeg(material.landscape(1), 90))
    part = signer.sign(tmp_path / "a.jpg", tmp_path / "part.jpg", "trainedAlgorithmicMedia")
    whole = signer.sign(tmp_path / "a.jpg", tmp_path / "whole.jpg", parent=part)
    found = read_provenance(whole, signer.anchors)
    said = "C2PA of an ingredient: c2pa.created: trainedAlgorithmicMedia"
    assert told(found, "source.generated") == [said]
    assert told(found, "source.camera") == ["C2PA c2pa.created: digitalCapture"]


def test_a_list_of_signers_may_have_comments_and_must_have_certificates(
    material: Any, signer: Any, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(material.jpeg(material.landscape(1), 90))
    signed, trust = signer.sign(tmp_path / "a.jpg", tmp_path / "b.jpg"), tmp_path / "trust.pem"
    trust.write_text(f"# Aussteller für Österreich\n{signer.anchors.read_text()}", "utf-8")
    assert holds_certificates(trust)
    assert "c2pa.trusted" in kinds(read_provenance(signed, trust))
    for text in ("", "-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n"):
        trust.write_text(text)
        assert not holds_certificates(trust)


def test_without_the_package_a_manifest_is_not_checked(
    material: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: Any
) -> None:
    from telltrace.evidence.credentials import MARK

    plain = material.jpeg(material.landscape(1), 90)
    (tmp_path / "a.jpg").write_bytes(plain + MARK)
    monkeypatch.setitem(sys.modules, "c2pa", None)
    (why,) = told(read_provenance(tmp_path / "a.jpg"), "c2pa.unchecked")
    assert "pip install 'telltrace[c2pa]'" in why
    (tmp_path / "b.jpg").write_bytes(plain)
    assert told(read_provenance(tmp_path / "b.jpg"), "c2pa.absent") == ["no manifest found"]
