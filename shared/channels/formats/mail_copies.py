"""Whom a mail went to beside us: people who read along, as its To and Cc say; Bcc is never told."""

from collections.abc import Iterable
from email.utils import getaddresses

from shared.channels.formats.mail import HEADER_MAX, Mail, decoded
from shared.contracts.inbound_messages import COPIES_MAX, Copied
from shared.text import clean, email_address

_READERS = frozenset({"to", "cc"})


def copied(mail: Mail, ours: Iterable[str]) -> tuple[Copied, ...]:
    """The addresses, each once in their order, but for the sender's and `ours` (with or without a token of ours)."""
    known = {mail.sender, *(untagged(address) for address in ours if address.strip())}
    lines = [clean(value[:HEADER_MAX]) for name, value in mail.headers if name in _READERS]
    try:
        named = getaddresses(lines)
    except RecursionError:  # comments within comments
        return ()
    found: dict[str, Copied] = {}
    for name, given in named:
        address = email_address(given)
        if address is not None and address not in known and untagged(address) not in known:
            found.setdefault(address, Copied(kind="email", value=address, name=decoded(name, 200) or None))
    return tuple(found.values())[:COPIES_MAX]


def untagged(address: str) -> str:
    """The address without what stands behind a plus (RFC 5233), in lower case."""
    local, _, domain = address.strip().lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
