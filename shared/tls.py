"""TLS as a client of Kafka: the context made from files, and every mistake in them told as what to set."""

import ssl
from pathlib import Path


def require_readable(path: Path, variable: str) -> None:
    """Raise ValueError, naming the variable, where the file is not there or not ours to read."""
    try:
        with path.open("rb"):
            return
    except OSError as error:
        raise ValueError(f"{variable} names {path}, which cannot be read: {error.strerror}") from None


def client_context(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """Checks the server's certificate and name, against `ca` or, without one, the system's authorities.

    Shows `certificate` where the server asks for one. Raises ValueError where a file is not what it should be.
    """
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
    except (OSError, ssl.SSLError):
        raise ValueError(f"SWITCHBOARD_KAFKA_CA names {ca}, which holds no certificate in PEM form") from None
    if certificate is not None:
        try:
            context.load_cert_chain(certificate, key, password="")  # without one OpenSSL asks on the terminal
        except (OSError, ssl.SSLError):
            raise ValueError(
                f"SWITCHBOARD_KAFKA_CERT ({certificate}) and SWITCHBOARD_KAFKA_KEY ({key}) are not a certificate and "
                "its key in PEM form; the key must not be encrypted"
            ) from None
    return context
