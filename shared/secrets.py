"""Secrets of channel accounts: sealed with the installation's key, or read from an environment variable or a file.

Sealing is Fernet (AES-128-CBC and HMAC-SHA256) under a key that HKDF derives from each installation key, so that the
key which signs identities is never used for anything else. Rotation: put the new key first and keep the old one behind
it, separated by a comma; what is saved from then on is sealed with the new one.
"""

import base64
import os
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.contracts.settings import Secret
from shared.errors import Invalid, StoreUnavailable

MAX_FILE_BYTES = 4096
MAX_SEALED_BYTES = 2048
_PURPOSE = b"switchboard/settings/secrets/v1"
OURS = "SWITCHBOARD_"
"""No account may point at our own variables: our key and our passwords are nobody's webhook secret."""


def seal(value: str, key: str) -> Secret:
    """The secret as it may be stored and published; only holders of the installation's key can open it."""
    if len(value.encode()) > MAX_SEALED_BYTES:
        raise Invalid(f"a sealed secret may have {MAX_SEALED_BYTES} bytes", reason="secret_refused")
    return Secret(sealed=_box(key).encrypt(value.encode()).decode())


def open_secret(secret: Secret, key: str) -> str:
    """The secret itself.

    Raises StoreUnavailable where it may be there later (variable unset, file missing, sealing key not given) and
    Invalid where the document is wrong; messages name what is missing and never hold the secret.
    """
    if secret.sealed is not None:
        return _unsealed(secret.sealed, key)
    if secret.env is not None:
        return _from_environment(secret.env)
    if secret.file is not None:
        return _from_file(secret.file)
    raise Invalid("the secret was never sealed; save its document again through the gateway", reason="secret_unsealed")


def _unsealed(token: str, key: str) -> str:
    try:
        return _box(key).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise StoreUnavailable(
            "a sealed secret does not open with SWITCHBOARD_KEY; add the key it was sealed with, after the new one",
            reason="secret_unavailable",
        ) from error


def _from_environment(name: str) -> str:
    if name.startswith(OURS):
        raise Invalid(
            f"the variable {name} belongs to Switchboard itself; choose another name", reason="secret_refused"
        )
    value = os.environ.get(name)
    if not value:
        raise StoreUnavailable(f"the environment variable {name} is not set", reason="secret_unavailable")
    return value


def _from_file(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise StoreUnavailable(
            f"the secret's file {name} is not readable: {error.strerror}", reason="secret_unavailable"
        ) from error
    if len(content) > MAX_FILE_BYTES:
        raise Invalid(f"the secret's file {name} has more than {MAX_FILE_BYTES} bytes", reason="secret_refused")
    try:
        value = content.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise Invalid(f"the secret's file {name} is not UTF-8 text", reason="secret_refused") from error
    if not value:
        raise StoreUnavailable(f"the secret's file {name} is empty", reason="secret_unavailable")
    return value


@lru_cache(maxsize=8)
def _box(key: str) -> MultiFernet:
    keys = [part.strip() for part in key.split(",") if part.strip()]
    if not keys:
        raise StoreUnavailable("SWITCHBOARD_KEY is not set; secrets cannot be sealed or opened", reason="no_key")
    return MultiFernet([Fernet(_derived(part)) for part in keys])


def _derived(key: str) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
    return base64.urlsafe_b64encode(hkdf.derive(key.encode()))
