"""Topic raw-inbound: what the provider sent, byte for byte, kept for replay after a parser fix.

Binary content mode of CloudEvents' Kafka binding: the record's value is the body, attributes are headers `ce_*`.
"""

import json
from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contracts.envelope import Event, Message
from shared.contracts.fields import Moment, Slug, Token

Headers = Sequence[tuple[str, bytes]]


class RawReceived(Message):
    """A request as received; `refusal` says why the channel's parser could not read it, None where it could."""

    TYPE: ClassVar[str] = "switchboard.inbound.raw-received.v1"
    TOPIC: ClassVar[str] = "raw-inbound"

    channel: Token
    account: Slug
    headers: dict[str, str] = Field(default_factory=dict)
    body: bytes = b""
    blob: str | None = None
    """Key of the body in the blob store where it is too large for a record; `body` is then empty."""
    refusal: Token | None = None
    detail: str | None = None

    def key(self, workspace: str) -> str:
        """One account's requests stay together."""
        return f"{self.channel}/{self.account}"

    def about(self) -> str:
        """The account."""
        return self.account


class _Attributes(BaseModel):
    model_config = ConfigDict(extra="ignore")

    ce_id: UUID
    ce_source: str
    ce_type: str
    ce_time: Moment
    ce_workspace: Slug
    ce_shop: Slug | None = None
    channel: Token
    account: Slug
    http: str = "{}"
    blob: str | None = None
    refusal: Token | None = None
    detail: str | None = None
    traceparent: str | None = None


def encode(event: Event[RawReceived]) -> tuple[bytes, list[tuple[str, bytes]]]:
    """The record's value and headers."""
    data = event.data
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": str(event.id),
        "ce_source": event.source,
        "ce_type": data.TYPE,
        "ce_time": event.time.isoformat(),
        "ce_workspace": event.workspace,
        "ce_shop": event.shop,
        "channel": data.channel,
        "account": data.account,
        "http": json.dumps(data.headers),
        "blob": data.blob,
        "refusal": data.refusal,
        "detail": data.detail,
        "traceparent": event.trace,
    }
    return data.body, [(name, value.encode()) for name, value in attributes.items() if value is not None]


def was_read(headers: Headers) -> bool:
    """Whether this is a request that its parser understood, and no blob of it has to be minded: it concerns nobody.

    Told without taking the record apart.
    """
    names = dict(headers)
    return names.get("ce_type") == RawReceived.TYPE.encode() and not names.keys() & {"refusal", "blob"}


def decode(value: bytes, headers: Headers) -> Event[RawReceived]:
    """Read a record back; raises ValueError (pydantic's included) where headers are missing or wrong."""
    given = _Attributes.model_validate({name: raw.decode() for name, raw in headers})
    data = RawReceived(
        channel=given.channel,
        account=given.account,
        headers=json.loads(given.http),
        body=value,
        blob=given.blob,
        refusal=given.refusal,
        detail=given.detail,
    )
    return Event(
        id=given.ce_id,
        source=given.ce_source,
        time=given.ce_time,
        workspace=given.ce_workspace,
        shop=given.ce_shop,
        data=data,
        trace=given.traceparent,
    )


MESSAGES: tuple[type[Message], ...] = (RawReceived,)
