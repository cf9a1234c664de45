"""What a program of the shop may send over the generic signed channel: a customer's message, or a receipt of ours."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    model_validator,
)

from shared.contracts.fields import Token
from shared.contracts.inbound_messages import Sender as Identity
from shared.contracts.inbound_receipts import Receipt
from shared.text import email_address, language_tag, one_line, phone_number


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


class ReceiptBody(BaseModel):
    """What became of an answer that was handed to the callback."""

    model_config = ConfigDict(strict=True, extra="forbid", use_attribute_docstrings=True, title="HttpReceiptOf")

    message: Annotated[UUID, Field(strict=False), BeforeValidator(_text_only)]
    """The answer's `message`, which is also its Idempotency-Key."""
    state: Receipt
    at: SentAt | None = None
    """When it happened, RFC 3339."""
    reason: Token | None = None
    """Why it failed, as a word: `blocked`, `no-such-recipient`."""


class ReceiptRequest(BaseModel):
    """A receipt instead of a message; a later state may come first, and twice."""

    model_config = ConfigDict(strict=True, extra="forbid", title="HttpReceipt")

    receipt: ReceiptBody


class AnyBody(RootModel[Body | ReceiptRequest]):
    """A message or a receipt."""

    model_config = ConfigDict(title="HttpRequest")
