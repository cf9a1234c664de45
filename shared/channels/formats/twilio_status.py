"""What Twilio says of messages: states and error codes as our words, https://www.twilio.com/docs/api/errors."""

from shared.contracts.inbound_receipts import Receipt

STATES: dict[str, Receipt] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}
UNDER_WAY = frozenset({"accepted", "scheduled", "queued", "sending", "receiving", "received", "partially_delivered"})

REFUSED = {
    21211: "no-such-recipient", 21214: "no-such-recipient", 21217: "no-such-recipient", 21614: "no-such-recipient",
    21408: "country-not-allowed", 21610: "opted-out", 21612: "not-reachable", 21606: "bad-sender", 21603: "bad-sender",
    21602: "no-text", 21617: "text-too-long",
}  # fmt: skip
"""Refusals of a request that will stay refusals."""
LATER = {
    20429: "too-many-requests",
    20003: "account-unauthorized",
    20005: "account-inactive",
    14107: "too-many-requests",
}
"""Refusals that pass, or that somebody mends."""
FAILED = {
    30001: "queue-overflow", 30002: "account-suspended", 30003: "not-reachable", 30004: "blocked",
    30005: "no-such-recipient", 30006: "landline", 30007: "filtered", 30008: "unknown", 30009: "missing-segment",
    30010: "price-exceeded", 30034: "sender-not-registered", 21610: "opted-out",
}  # fmt: skip
"""Why a message that was taken did not arrive."""


def failed(code: str) -> str:
    """The reason as a word; a code without one of its own is named."""
    number = int(code) if code.isascii() and code.isdigit() and len(code) < 10 else 0
    return FAILED.get(number) or REFUSED.get(number) or (f"error-{number}" if number else "failed")
