"""An authority of a test's own, and certificates that it signs: servers and clients for TLS without any network."""

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Signs certificates into `directory`, each as NAME.pem with its unencrypted NAME.key."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self.directory = directory
        self.file = directory / f"{name}.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        basic = x509.BasicConstraints(ca=True, path_length=0)
        self.file.write_bytes(_pem(_begun(self._name, self._name, self._key).add_extension(basic, True), self._key))

    def sign(self, name: str, *, address: str | None = None, keystore: bool = False) -> tuple[Path, Path]:
        """Certificate and key for `name`, valid for the address; a keystore holds both and the authority's beside."""
        key = ec.generate_private_key(ec.SECP256R1())
        wanted = _begun(_named(name), self._name, key)
        if address is not None:
            valid_for = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
            wanted = wanted.add_extension(valid_for, critical=False)
        certificate, private = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        certificate.write_bytes(_pem(wanted, self._key))
        private.write_bytes(_private(key))
        private.chmod(0o600)
        if keystore:
            (self.directory / f"{name}.keystore").write_bytes(private.read_bytes() + certificate.read_bytes())
        return certificate, private


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _begun(name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(issuer, name, key.public_key(), x509.random_serial_number())
    return builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))


def _pem(builder: x509.CertificateBuilder, signer: ec.EllipticCurvePrivateKey) -> bytes:
    return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
