"""Generic signed HTTP (C12): a contact form or any program of the shop sends messages with nothing but an HMAC.

Headers: `Switchboard-Timestamp`, Unix seconds, at most five minutes off; `Switchboard-Signature`, one or more of
`v1=<hex>` separated by commas, where hex is HMAC-SHA256(secret, timestamp + "." + body). See docs/channels/http.md.
"""

import hmac
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from shared.channels.base import (
    MIB,
    AccountContext,
    Capabilities,
    Channel,
    Header,
    Parsed,
    Received,
    Request,
    fitted,
    same_secret,
)
from shared.channels.formats.json_body import load_object, validated
from shared.contracts.inbound_messages import Attachment, MessageReceived
from shared.contracts.inbound_messages import Sender as Identity
from shared.errors import Unauthenticated
from shared.text import clean, email_address, language_tag, one_line, phone_number

TOLERANCE_S = 300
MAX_SIGNATURES = 5


def verify(request: Request, account: AccountContext) -> None:
    """HMAC over timestamp and raw body, compared in constant time with every signature and every secret."""
    stamp = request.headers.get("switchboard-timestamp", "")
    given = request.headers.get("switchboard-signature", "")
    if not stamp or not given:
        raise Unauthenticated(
            "send Switchboard-Timestamp and Switchboard-Signature: v1=<hex HMAC-SHA256 of timestamp.body>",
            reason="missing_signature",
        )
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Unauthenticated("Switchboard-Timestamp is not a number of seconds", reason="bad_timestamp")
    off_s = abs(request.received_at.timestamp() - int(stamp))
    if off_s > TOLERANCE_S:
        raise Unauthenticated(f"the timestamp is {off_s:.0f} s off; at most {TOLERANCE_S}", reason="stale_timestamp")
    signed = stamp.encode() + b"." + request.body
    wanted = [hmac.digest(secret.encode(), signed, "sha256").hex().encode() for secret in account.secrets]
    offered = [part.strip()[3:].encode() for part in given.split(",")[:MAX_SIGNATURES] if part.strip()[:3] == "v1="]
    if not same_secret(offered, wanted):
        raise Unauthenticated("no signature fits the body and this account's secret", reason="bad_signature")


def _text_only(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("a time is a string such as 2026-01-02T03:04:05Z")
    return value


def _sane(value: datetime) -> datetime:
    if not 1990 <= value.year <= 2200:
        raise ValueError("the year is not between 1990 and 2200")
    return value.astimezone(UTC)


def _tagged(value: str) -> str:
    tag = language_tag(value)
    if tag is None:
        raise ValueError("not a language tag (BCP 47) such as en or pt-BR")
    return tag


def _mail(value: str) -> str:
    address = email_address(value)
    if address is None:
        raise ValueError("not an e-mail address")
    return address


def _phone(value: str) -> str:
    number = phone_number(value)
    if number is None:
        raise ValueError("not a phone number in international form such as +31201234567")
    return number


E164 = r"^\+[1-9][0-9]{6,14}$"
TAG = r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}$"
Language = Annotated[str, Field(max_length=35, json_schema_extra={"pattern": TAG}), AfterValidator(_tagged)]
SentAt = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_text_only), AfterValidator(_sane)]
Id = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x20\x7f](.*[^\x00-\x20\x7f])?$")]


class Sender(BaseModel):
    """Who wrote: exactly one of `id`, `email`, `phone`."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "oneOf": [
                {"required": [name], "properties": {name: {"type": "string"}}} for name in ("id", "email", "phone")
            ]
        },
    )

    id: Id | None = None
    """The shop's own id of the customer."""
    email: (
        Annotated[str, Field(max_length=320, json_schema_extra={"format": "email"}), AfterValidator(_mail)] | None
    ) = None
    phone: Annotated[str, Field(max_length=64, json_schema_extra={"pattern": E164}), AfterValidator(_phone)] | None = (
        None
    )
    """In international form (E.164)."""
    name: Annotated[str, Field(max_length=200)] | None = None
    language: Language | None = None
    verified: bool | None = None
    """The shop has proved that this person wrote, e.g. because they are signed in. Where it is absent, an `id` counts
    as proved, and an address, which anyone may type into a form, does not."""

    @model_validator(mode="after")
    def _one(self) -> "Sender":
        if len([value for value in (self.id, self.email, self.phone) if value is not None]) != 1:
            raise ValueError("give exactly one of id, email, phone")
        return self

    def identity(self, account: str, language: str | None) -> Identity:
        """The identity that people are found by; an `id` is unique within the account."""
        kind, value = next(
            (k, v) for k, v in (("external", self.id), ("email", self.email), ("phone", self.phone)) if v
        )
        return Identity(
            kind=kind,
            scope=account if kind == "external" else "",
            value=value,
            name=one_line(self.name or "", 200) or None,
            language=language or self.language,
            verified=self.id is not None if self.verified is None else self.verified,
        )


class FileReference(BaseModel):
    """A file that can be fetched from the shop."""

    model_config = ConfigDict(strict=True, extra="forbid")

    url: Annotated[str, Field(max_length=1000, pattern=r"^https://[^\s]+$")]
    name: Annotated[str, Field(max_length=200)] = ""
    media_type: Annotated[str, Field(max_length=100, pattern=r"^[\w.+-]+/[\w.+-]+$")] = "application/octet-stream"
    size: Annotated[int, Field(ge=0, le=2**53)] | None = None


class Body(BaseModel):
    """One message of a customer."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        title="HttpMessage",
        use_attribute_docstrings=True,
        json_schema_extra={
            "anyOf": [
                {"required": ["text"], "properties": {"text": {"pattern": r"\S"}}},
                {"required": ["attachments"], "properties": {"attachments": {"minItems": 1}}},
            ]
        },
    )

    id: Id
    """Unique for ever within the account: the same id again is the same message, whatever else it holds."""
    sender: Sender
    text: str = ""
    subject: Annotated[str, Field(max_length=1000)] | None = None
    thread: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The shop's name of the conversation; messages of one thread join one ticket."""
    order: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    language: Language | None = None
    """What the customer chose; it wins over the sender's."""
    sent_at: SentAt | None = None
    """RFC 3339."""
    attachments: Annotated[list[FileReference], Field(max_length=20)] = []

    @model_validator(mode="after")
    def _says_something(self) -> "Body":
        if not (self.text.strip() or self.attachments):
            raise ValueError("give a text or attachments")
        return self


def parse(request: Request, account: AccountContext) -> Parsed:
    """One request is one message."""
    body = validated(Body, load_object(request.body))
    text, whole = fitted(clean(body.text))
    message = MessageReceived(
        channel=CHANNEL.name,
        account=account.id,
        natural_id=body.id,
        sender=body.sender.identity(account.id, body.language),
        thread=body.thread,
        subject=one_line(body.subject or "", 1000) or None,
        text=text,
        attachments=tuple(_attachment(file) for file in body.attachments),
        order=body.order,
        provider_time=body.sent_at,
        accepted_at=request.received_at,
    )
    return Parsed((Received(message, long_text=whole),))


def _attachment(file: FileReference) -> Attachment:
    name = one_line(file.name, 200)
    return Attachment(name=name, media_type=file.media_type, size=file.size, reference=file.url)


CHANNEL = Channel(
    name="http",
    about="Generic signed HTTP: a contact form or any program of the shop.",
    max_body_bytes=MIB,
    capabilities=Capabilities(text_max=MIB, attachments=True),
    verify=verify,
    parse=parse,
    proof="body",
    ours=True,
    challenge="Switchboard-Signature",
    headers=(
        Header("Switchboard-Timestamp", "Unix time in seconds, at most 300 s off."),
        Header("Switchboard-Signature", "`v1=` and the hex HMAC-SHA256 of timestamp, a dot and the body."),
    ),
    body=Body,
)
