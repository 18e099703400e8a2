"""A certificate authority for tests."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_PEM = serialization.Encoding.PEM


class Authority:
    """Signs certificates; its own is in `certificate`. All files are in one folder."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = folder / f"{name}.pem"
        basic = x509.BasicConstraints(ca=True, path_length=0)
        own = self._sign(name, self._key.public_key(), (basic, True))
        self.certificate.write_bytes(own.public_bytes(_PEM))

    def issue(
        self, name: str, address: str = "127.0.0.1", password: str = "", *, days: int = 1
    ) -> Path:
        """Write a certificate for an address, with its private key, and return its path.

        The key is encrypted if there is a password. It expires after `days`.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        there = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        certificate = self._sign(name, key.public_key(), (there, False), days)
        encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password:
            encryption = serialization.BestAvailableEncryption(password.encode())
        private = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, encryption)
        path = self._folder / f"{name}.pem"
        path.write_bytes(private + certificate.public_bytes(_PEM))
        return path

    def _sign(
        self,
        name: str,
        key: ec.EllipticCurvePublicKey,
        extension: tuple[x509.ExtensionType, bool],
        days: int = 1,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self._name)]))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(extension[0], critical=extension[1])
            .sign(self._key, hashes.SHA256())
        )
