"""What one accepted request becomes: blobs to write and records to send, none of them over the record limit; pure."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from shared.blobs import Blob, person_prefix
from shared.bus import codec
from shared.bus.producer import Record
from shared.channels.base import AccountContext, Channel, File, Parsed, Received, Request
from shared.contracts import raw_inbound
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import Attachment, MessageReceived
from shared.contracts.inbound_receipts import ReceiptReceived
from shared.contracts.raw_inbound import RawReceived
from shared.errors import Invalid, SwitchboardError
from shared.ids import inbound_id
from shared.telemetry import trace as tracing

INLINE_BODY_BYTES = 256 * 1024
"""A larger body goes to the blob store, and its record names it."""
HEADERS_MAX = 8 * 1024
"""Characters of headers that are kept; providers send far fewer."""
DETAIL_MAX = 500
_NEVER_KEPT = frozenset({"authorization", "proxy-authorization", "cookie", "connection", "content-length", "host"})
_NOT_TEXT = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One proved request: where it came in, what it was, and the trace it belongs to."""

    channel: Channel
    account: AccountContext
    request: Request
    trace: str
    passed_over: SwitchboardError | None = None
    """Why it is not to be read at all, only filed in quarantine."""

    @property
    def raw_id(self) -> UUID:
        """The raw record's id: the same bytes again are the same record."""
        digest = hashlib.sha256(self.request.body).hexdigest()
        return inbound_id(self.account.workspace, self.channel.name, self.account.id, f"raw:{digest}")


@dataclass(frozen=True, slots=True)
class Composed:
    """Everything to write and send before the answer; blobs come first. `messages` of the `ids` are no receipts."""

    ids: tuple[UUID, ...]
    messages: int
    raw: UUID
    blobs: tuple[Blob, ...]
    records: tuple[Record, ...]


def taken(arrival: Arrival, parsed: Parsed) -> Composed:
    """The records of a request that was read; raises TooLarge where a message does not fit a record."""
    raw_id = arrival.raw_id
    ids, blobs, records = [], [], []
    for received in parsed.received:
        event, files = _canonical(arrival, received, raw_id)
        record = (event.topic, event.key, codec.encode(event), codec.trace_header(event.trace))
        ids.append(event.id)
        blobs += files
        records.append(record)
    for receipt in parsed.receipts:
        told = _receipt(arrival, receipt)
        ids.append(told.id)
        records.append((told.topic, told.key, codec.encode(told), codec.trace_header(told.trace)))
    partly = _partly(parsed)
    raw, raw_blobs = _raw(
        arrival, raw_id, parsed.received[0].message if parsed.received and not partly else None, partly
    )
    return Composed(tuple(ids), len(parsed.received), raw_id, (*raw_blobs, *blobs), (raw, *records))


def refused(arrival: Arrival, error: SwitchboardError) -> Composed:
    """The record of a request that no parser could read: it says so, and our consumer files it in quarantine."""
    raw_id = arrival.raw_id
    raw, blobs = _raw(arrival, raw_id, None, error)
    return Composed((), 0, raw_id, tuple(blobs), (raw,))


def _partly(parsed: Parsed) -> Invalid | None:
    """Why a request that was taken stands in quarantine too: somebody should see the events that were not read."""
    if not parsed.unreadable:
        return None
    broken, taken_too = len(parsed.unreadable), len(parsed.received) + len(parsed.receipts)
    reasons = ", ".join(dict.fromkeys(parsed.unreadable))
    said = f"{broken} of {broken + taken_too} events could not be read, the others were taken: {reasons}"
    return Invalid(said, reason=parsed.unreadable[0])


def _prefix(arrival: Arrival, message: MessageReceived | None) -> str:
    """Where blobs of this sender lie, or of nobody known."""
    if message is None:
        return f"{arrival.account.workspace}/raw"
    sender = message.sender
    return person_prefix(arrival.account.workspace, sender.kind, sender.scope, sender.value)


def _canonical(arrival: Arrival, received: Received, raw_id: UUID) -> tuple[Event[MessageReceived], list[Blob]]:
    """The message in its envelope with its files by reference."""
    message = received.message
    account = arrival.account
    id_ = inbound_id(account.workspace, message.channel, message.account, message.natural_id)
    changed: dict[str, object] = {"raw": str(raw_id)}
    blobs: list[Blob] = []
    if received.files or received.long_text is not None:
        more, blobs = _by_reference(received, f"{_prefix(arrival, message)}/{id_}")
        changed |= more
    event = Event(
        id=id_,
        source="ingest",
        time=arrival.request.received_at,
        workspace=account.workspace,
        shop=account.shop,
        trace=tracing.child(arrival.trace),
        data=message.model_copy(update=changed),
    )
    return event, blobs


def _receipt(arrival: Arrival, receipt: ReceiptReceived) -> Event[ReceiptReceived]:
    """A provider's word in its envelope; the same word said again has the same id."""
    account = arrival.account
    natural_id = f"receipt:{receipt.provider_id}:{receipt.state}"
    if receipt.through is not None:
        natural_id = f"receipt:through:{receipt.recipient}:{receipt.state}:{receipt.through.isoformat()}"
    return Event(
        id=inbound_id(account.workspace, receipt.channel, receipt.account, natural_id),
        source="ingest",
        time=arrival.request.received_at,
        workspace=account.workspace,
        shop=account.shop,
        trace=tracing.child(arrival.trace),
        data=receipt,
    )


def _by_reference(received: Received, prefix: str) -> tuple[dict[str, object], list[Blob]]:
    """The message's fields that name what is too large for it, and the blobs."""
    blobs = [_blob(prefix, file.content) for file in received.files]
    files = tuple(_attachment(file, key) for file, (key, _) in zip(received.files, blobs, strict=True))
    fields: dict[str, object] = {"attachments": (*received.message.attachments, *files)}
    if received.long_text is not None:
        blobs.append(_blob(prefix, received.long_text.encode("utf-8", "replace")))
        fields["text_blob"] = blobs[-1][0]
    return fields, blobs


def _blob(prefix: str, content: bytes) -> Blob:
    """Named after its content: a message that comes again with another one changes nothing of the first."""
    return f"{prefix}/{hashlib.sha256(content).hexdigest()}", content


def _attachment(file: File, key: str) -> Attachment:
    return Attachment(name=file.name, media_type=file.media_type, size=len(file.content), blob=key)


def _raw(
    arrival: Arrival, raw_id: UUID, message: MessageReceived | None, error: SwitchboardError | None = None
) -> tuple[Record, list[Blob]]:
    body = arrival.request.body
    blob = (f"{_prefix(arrival, message)}/{raw_id}/raw", body) if len(body) > INLINE_BODY_BYTES else None
    event = Event(
        id=raw_id,
        source="ingest",
        time=arrival.request.received_at,
        workspace=arrival.account.workspace,
        shop=arrival.account.shop,
        trace=tracing.child(arrival.trace),
        data=RawReceived(
            channel=arrival.channel.name,
            account=arrival.account.id,
            headers=kept_headers(arrival.request.headers, arrival.channel.secret_headers),
            body=b"" if blob else body,
            blob=blob[0] if blob else None,
            refusal=error.reason if error else None,
            detail=str(error)[:DETAIL_MAX] if error else None,
        ),
    )
    value, headers = raw_inbound.encode(event)
    return (event.topic, event.key, value, headers), [blob] if blob else []


def kept_headers(headers: Mapping[str, str], secret: frozenset[str]) -> dict[str, str]:
    """What a replay may need of the headers: no secret, no control character, within HEADERS_MAX."""
    kept, size = {}, 0
    for name, value in headers.items():
        if name in _NEVER_KEPT or name in secret:
            continue
        size += len(name) + len(value)
        if size > HEADERS_MAX:
            break
        kept[name] = value if value.isprintable() else _NOT_TEXT.sub(" ", value)
    return kept
