"""The password of HTTP Basic authentication (RFC 7617), where a provider has no better way to prove itself."""

import base64
import binascii


def of(authorization: str) -> bytes:
    """What stands behind the colon; empty where there is none."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(credentials.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""
