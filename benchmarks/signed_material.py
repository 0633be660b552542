"""C2PA manifests signed with a certificate that is made here, for files that are damaged later."""

import datetime
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "mp4": "video/mp4"}
SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
USES = (
    *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("encipher_only", "decipher_only"),
)


@dataclass
class Signer:
    """Signs files with a certificate that its own authority vouches for."""

    chain: bytes
    key: bytes
    anchors: Path
    """PEM file with the certificate of the authority."""

    def sign(
        self,
        source: Path,
        out: Path,
        digital_source: str = "digitalCapture",
        parent: Path | None = None,
    ) -> Path:
        """Write a copy of a file with a manifest that says how it was created, and from what."""
        created = {"action": "c2pa.created", "digitalSourceType": SOURCES + digital_source}
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
            if parent is not None:
                with parent.open("rb") as stream:
                    relation = json.dumps({"title": parent.name, "relationship": "componentOf"})
                    builder.add_ingredient(relation, TYPES[parent.suffix[1:]], stream)
            builder.sign(signer, TYPES[source.suffix[1:]], before, after)
        return out


def make_signer(folder: Path) -> Signer:
    """A signer whose authority is in a file of the folder."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    authority, signer = (
        _certificate(who, key, keys[0]).public_bytes(serialization.Encoding.PEM)
        for who, key in zip(("Authority", "Signer"), keys, strict=True)
    )
    (folder / "anchors.pem").write_bytes(authority)
    secret = keys[1].private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Signer(signer + authority, secret, folder / "anchors.pem")


def _certificate(who: str, key: Any, authority: Any) -> x509.Certificate:
    """Of a key, for a month, signed by the authority, which signs its own."""
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    own = key is authority
    usage = {"digital_signature": True, "key_cert_sign": own, "crl_sign": own}
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(who))
        .issuer_name(_name("Authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=own, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage, **dict.fromkeys(USES, False)), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(issuer, False)
    )
    if not own:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(authority, hashes.SHA256())


def _name(who: str) -> x509.Name:
    parts = [(NameOID.ORGANIZATION_NAME, "Test Signers"), (NameOID.COMMON_NAME, who)]
    return x509.Name([x509.NameAttribute(*part) for part in parts])
