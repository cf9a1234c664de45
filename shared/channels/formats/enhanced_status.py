"""Enhanced status codes of mail servers (RFC 3463 and IANA's registry) as reasons of ours."""

import re

CODE = re.compile(r"\b([245])\.([0-9]{1,3})\.([0-9]{1,3})\b")
_WORDS: dict[str, str] = {
    "1.0": "bad-address", "1.1": "no-such-recipient", "1.2": "no-such-domain", "1.3": "bad-address",
    "1.4": "bad-address", "1.6": "recipient-moved", "1.10": "no-such-recipient", "2.0": "mailbox-unavailable",
    "2.1": "mailbox-disabled", "2.2": "mailbox-full", "2.3": "message-too-large", "3.4": "message-too-large",
    "4.1": "no-answer", "4.4": "no-route", "4.6": "loop", "4.7": "expired", "7.0": "policy", "7.1": "blocked",
    "7.23": "not-authenticated", "7.25": "not-authenticated", "7.26": "not-authenticated",
}  # fmt: skip
"""Without their class, which only says whether to try again."""


def word(*said: str, otherwise: str) -> str:
    """A reason for the first code in what a server said; `otherwise` alone, or with a code that has no word."""
    found = next((code for text in said if (code := CODE.search(text))), None)
    if found is None:
        return otherwise
    return _WORDS.get(f"{found[2]}.{found[3]}", f"{otherwise}-{found[0]}")
