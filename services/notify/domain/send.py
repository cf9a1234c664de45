"""A message on its way: what an outcome, a receipt or a person's decision makes of it (definitions.md, Delivery).

Two things are kept apart: `state` is what others are told, and only moves up; `step` is what the sender has to do next.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.contracts.delivery_events import Delivery
from shared.contracts.inbound_receipts import Receipt

Step = Literal["queued", "sending", "unsure", "done"]
RANK: dict[Delivery, int] = {"queued": 0, "unknown": 0, "sent": 1, "delivered": 2, "read": 3}
"""`failed` has no rank: it is final, and reached only from below `delivered`."""


@dataclass(frozen=True, slots=True)
class Send:
    """A row of the ledger; `wait_s` and `hold_s` are what the database adds to its clock when the row is written,
    `names` what the provider calls the message and its parts.
    """

    workspace: str
    message: UUID
    ticket: UUID
    person: UUID
    shop: str | None
    channel: str
    account: str
    recipient: str = field(repr=False)
    content: bytes | None = field(repr=False)
    state: Delivery
    step: Step
    version: int
    attempts: int
    part: int
    doubtful: bool
    provider_id: str | None
    names: tuple[str, ...]
    reason: str | None
    changed_at: datetime
    claim: UUID | None
    correlation: UUID | None
    trace: str | None
    age_s: float
    wait_s: float = 0
    hold_s: float = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What was once told of a message, as our own log has it."""

    version: int
    state: Delivery
    at: datetime
    reason: str | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on: retries wait `first_s`, then twice as long each time up to `most_s`."""

    attempts_max: int
    give_up_s: float
    first_s: float
    most_s: float
    hold_s: float
    """An unknown outcome keeps its conversation waiting for this long."""

    def backoff_s(self, attempts: int, chance: float) -> float:
        """Seconds until the next try after so many; `chance` in [0, 1) spreads them over the upper half."""
        whole = min(self.first_s * 2.0 ** min(attempts - 1, 60), self.most_s)
        return whole * (0.5 + chance / 2)


def _moved(send: Send, state: Delivery, at: datetime, reason: str | None) -> Send:
    """The send in another state, told as a new version."""
    return replace(send, state=state, version=send.version + 1, changed_at=at, reason=reason)


def _done(send: Send) -> Send:
    """Nothing is left to do, so nothing of the content is kept."""
    return replace(send, step="done", content=None, recipient="", claim=None)


def _rises(send: Send, state: Delivery) -> bool:
    if send.state == "failed":
        return False
    if state == "failed":
        return RANK[send.state] < RANK["delivered"]
    return RANK[state] > RANK[send.state]


def received(send: Send, state: Receipt, at: datetime, reason: str | None) -> Send:
    """What a provider's word makes of it; a late or repeated one changes nothing.

    It also ends the sending, whatever we know of it: the provider has spoken of the message, so it has it. Only a text
    of which parts are left goes on.
    """
    if not _rises(send, state):
        return send
    if state == "sent" and send.part > 0 and send.step in ("queued", "sending"):
        return send
    return _done(_moved(send, state, at, reason if state == "failed" else None))


def _names(send: Send, provider_id: str | None) -> tuple[str, ...]:
    """What the provider calls the message and its parts, in their order."""
    return send.names if provider_id is None or provider_id in send.names else (*send.names, provider_id)


def accepted(send: Send, at: datetime, provider_id: str | None, *, last: bool) -> Send:
    """The provider took the request; with more parts to go, the next one follows at once.

    Where a receipt was quicker, what the provider calls the message is told once more, as another version of its state.
    """
    named = replace(send, provider_id=provider_id or send.provider_id, names=_names(send, provider_id))
    if send.step == "done":
        taken = send.state in ("sent", "delivered", "read") and named.names != send.names
        return replace(named, version=send.version + 1) if taken else named
    if not last:
        going_on = _moved(named, "queued", at, None) if named.state == "unknown" else named
        return replace(going_on, step="queued", claim=None, part=send.part + 1, attempts=0, doubtful=False, wait_s=0)
    return _done(_moved(named, "sent", at, None) if _rises(named, "sent") else named)


def rejected(send: Send, at: datetime, reason: str) -> Send:
    """The provider will never take it."""
    if send.step == "done":
        return send
    return _done(_moved(send, "failed", at, reason) if _rises(send, "failed") else send)


def put_back(send: Send) -> Send:
    """The try did not begin: nothing happened, and it may go again at once."""
    return replace(send, step="queued", claim=None, wait_s=0) if send.step == "sending" else send


def try_later(
    send: Send, at: datetime, reason: str, *, retry_after_s: float | None, patience: Patience, chance: float
) -> Send:
    """Nothing was sent this time: wait, or give up."""
    if send.step != "sending":
        return send
    if send.attempts >= patience.attempts_max or send.age_s >= patience.give_up_s:
        return given_up(send, at, reason, patience=patience)
    wait_s = max(retry_after_s or 0.0, patience.backoff_s(send.attempts, chance))
    return replace(send, step="queued", claim=None, reason=reason, wait_s=wait_s)


def given_up(send: Send, at: datetime, reason: str, *, patience: Patience) -> Send:
    """It took too long: failed, unless some try may have reached the provider after all."""
    return unsure(send, at, reason, patience=patience) if send.doubtful else rejected(send, at, reason)


def unsure(send: Send, at: datetime, reason: str, *, patience: Patience) -> Send:
    """Nobody knows and nobody can be asked: shown to a person, never repeated blindly.

    The claim stays, so that the try's own outcome is still taken where it comes after all.
    """
    if send.step == "done":
        return send
    shown = _moved(send, "unknown", at, reason) if send.state == "queued" else send
    return replace(shown, step="unsure", doubtful=True, hold_s=patience.hold_s)


def doubted(send: Send, at: datetime, reason: str, *, patience: Patience, chance: float) -> Send:
    """Nobody knows, but the far end takes the same message only once: it is sent again under its key."""
    return try_later(replace(send, doubtful=True), at, reason, retry_after_s=None, patience=patience, chance=chance)


def taught(send: Send, told: Told, hold_s: float = 0) -> Send:
    """A row that was restored to an earlier state, as it was when this was told."""
    known = replace(
        send,
        version=told.version,
        state=told.state,
        changed_at=told.at,
        reason=told.reason,
        attempts=told.attempts,
        claim=None,
    )
    if told.state == "queued":
        return replace(known, step="queued")
    if told.state == "unknown":
        return replace(known, step="unsure", doubtful=True, hold_s=hold_s)
    return _done(known)


RESOLVED: dict[str, Callable[[Send, datetime], Send]] = {
    "sent": lambda send, at: _done(_moved(send, "sent", at, None)),
    "failed": lambda send, at: _done(_moved(send, "failed", at, "resolved-by-person")),
    "resend": lambda send, at: replace(
        _moved(send, "queued", at, "resend-by-person"), step="queued", claim=None, attempts=0, doubtful=False
    ),
}
"""What a person who looked may decide about an unknown outcome."""
