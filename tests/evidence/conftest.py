"""Media with metadata, made by the benchmarks' module, and a signer of C2PA manifests."""

import datetime
import importlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from telltrace.evidence.findings import Finding


@pytest.fixture(scope="session")
def material() -> ModuleType:
    folder = str(Path(__file__).parents[2] / "benchmarks")
    sys.path.insert(0, folder)
    try:
        return importlib.import_module("metadata_material")
    finally:
        sys.path.remove(folder)


def said(found: tuple[Finding, ...], kind: str) -> list[str]:
    return [one.said for one in found if one.kind == kind]


@pytest.fixture(scope="session")
def told() -> Callable[[tuple[Finding, ...], str], list[str]]:
    """``told(findings, kind)`` gives what the findings of a kind say."""
    return said


@dataclass
class Signer:
    """Signs files with a certificate that its own authority vouches for."""

    chain: bytes
    key: bytes
    anchors: Path

    def sign(self, source: Path, out: Path, kind: str, digital_source: str = "") -> Path:
        import c2pa

        created: dict[str, Any] = {"action": "c2pa.created"}
        address = "http://cv.iptc.org/newscodes/digitalsourcetype/"
        created["digitalSourceType"] = address + (digital_source or "digitalCapture")
        manifest = {
            "claim_generator_info": [{"name": "A camera", "version": "1"}],
            "assertions": [{"label": "c2pa.actions", "data": {"actions": [created]}}],
        }
        info = c2pa.C2paSignerInfo(b"es256", self.chain, self.key, None)
        with (
            c2pa.Signer.from_info(info) as signer,
            c2pa.Builder(json.dumps(manifest)) as builder,
            source.open("rb") as before,
            out.open("w+b") as after,
        ):
            builder.sign(signer, kind, before, after)
        return out


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """A signer whose authority is in ``anchors``; skipped without c2pa-python."""
    pytest.importorskip("c2pa", reason="signing takes c2pa-python", exc_type=ImportError)
    x509 = pytest.importorskip("cryptography.x509", reason="certificates take cryptography")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    names = x509.oid.NameOID
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)

    def name(who: str) -> Any:
        parts = [(names.ORGANIZATION_NAME, "Test Signers"), (names.COMMON_NAME, who)]
        return x509.Name([x509.NameAttribute(*part) for part in parts])

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    certificates = []
    for number, (who, key) in enumerate(zip(("Authority", "Signer"), keys, strict=True)):
        usage = dict.fromkeys(
            [
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ],
            False,
        )
        authority = number == 0
        usage |= {"digital_signature": True, "key_cert_sign": authority, "crl_sign": authority}
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(who))
            .issuer_name(name("Authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), False
            )
        )
        if not authority:
            purpose = [x509.oid.ExtendedKeyUsageOID.EMAIL_PROTECTION]
            builder = builder.add_extension(x509.ExtendedKeyUsage(purpose), critical=False)
        certificates.append(builder.sign(keys[0], hashes.SHA256()))
    authority_pem, signer_pem = (
        one.public_bytes(serialization.Encoding.PEM) for one in certificates
    )
    anchors = tmp_path_factory.mktemp("trust") / "anchors.pem"
    anchors.write_bytes(authority_pem)
    secret = keys[1].private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Signer(signer_pem + authority_pem, secret, anchors)
