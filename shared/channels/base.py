"""What a channel is: how requests become messages and how answers become requests, the same shape for all of them.

Channels are pure but for `send`: no clock, no I/O. `parse` raises nothing but `Refused`: `Malformed` where the bytes
are no message of this channel at all, `Invalid` where they are one that it cannot read. `render` raises nothing but
`Invalid`, where the channel cannot carry the answer. `send` raises nothing: what came of it is its answer.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import orjson
from pydantic import BaseModel

from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Fetch, Outcome, Rendered
from shared.contracts.inbound_messages import Attachment, MessageReceived
from shared.contracts.inbound_receipts import ReceiptReceived
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Unauthenticated

MIB = 1024 * 1024
INLINE_TEXT_BYTES = 256 * 1024
"""A longer text (as JSON) goes to the blob store; its record holds the beginning."""
BEGINNING_CHARS = 16_000


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it arrived; names of headers are in lower case."""

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    query: Mapping[str, str] = field(default_factory=dict)
    query_string: str = ""
    """The query as it came, for signatures over the whole address."""


@dataclass(frozen=True, slots=True)
class AccountContext:
    """An account with its secrets opened, newest first: any of them may prove a request.

    `credentials` are what we prove ourselves with; they are opened only where something is sent.
    """

    workspace: str
    shop: str
    id: str
    secrets: tuple[str, ...] = field(repr=False)
    options: Mapping[str, str] = field(default_factory=dict)
    credentials: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class File:
    """A file whose bytes came within the request; ingest puts them into the blob store."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Received:
    """A message, the files that came with it, and the whole text where `message.text` holds only its beginning."""

    message: MessageReceived
    files: tuple[File, ...] = ()
    long_text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a request held; with nothing in it `ignored` says why (a registry word): it was read and is none."""

    received: tuple[Received, ...] = ()
    receipts: tuple[ReceiptReceived, ...] = ()
    ignored: str | None = None
    unreadable: tuple[str, ...] = ()
    """Why the others of a request with many events could not be read: it is kept in quarantine, and these go out."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel can carry towards us."""

    text_max: int
    """Characters of one message, as the provider limits them."""
    attachments: bool = False
    edits: bool = False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a channel can carry away from us, and how sure we can be of it."""

    text_max: int
    """Characters of one request."""
    splits: bool = True
    """A longer answer is cut into several; else it is refused."""
    idempotent: bool = False
    """The far end takes the same message once however often it is sent, so an unsure try is repeated with its key."""
    reply_window: timedelta | None = None
    """How long after a customer's newest message free text may go to him; later only a template. None: for ever."""
    longer_windows: Mapping[str, timedelta] = field(default_factory=dict)
    """Options of an account that, where they are `true`, make its window longer."""
    templates: bool = False
    """The provider has wordings that it approved, which may go out at any time."""
    attachments: bool = False
    """Files can go out; `render` refuses those that this channel does not take."""
    copies: bool = False
    """An answer can go to others as well, who see each other."""
    read_receipts: bool = False
    """The provider tells when a message was read."""

    def window(self, options: Mapping[str, str]) -> timedelta | None:
        """The reply window of an account with these options."""
        longer = [window for option, window in self.longer_windows.items() if options.get(option) == "true"]
        return max([self.reply_window, *longer]) if self.reply_window is not None else None


@dataclass(frozen=True, slots=True)
class Header:
    """A request header that the channel reads, for the API's description."""

    name: str
    description: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel; the registry holds one line for each."""

    name: str
    about: str
    max_body_bytes: int
    capabilities: Capabilities
    verify: Callable[[Request, AccountContext], None]
    """Raises Unauthenticated where the request does not prove to come from who it should."""
    parse: Callable[[Request, AccountContext], Parsed]
    outgoing: Outgoing
    render: Callable[[SendMessage, AccountContext], tuple[Rendered, ...]]
    """The requests that an answer becomes, in their order; the same answer gives the same requests."""
    send: Callable[[Rendered, AccountContext, Client], Awaitable[Outcome]]
    """Makes one request over the network and says what came of it, within the client's time."""
    proof: Literal["headers", "body"]
    """`headers`: verify does not look at the body, so a stranger's body is never read."""
    ours: bool
    """The payload's shape is ours to define: what breaks it is refused. Else it is kept in quarantine."""
    challenge: str
    """The WWW-Authenticate header of a refused request (RFC 9110 §11.6.1)."""
    fetch: Callable[[Attachment, AccountContext, Client], Awaitable[Fetch]] | None = None
    """Gets a file that a message names by reference; None where there are no such files. Raises nothing."""
    conversational: bool = False
    """A person has one running conversation per account (chat, messaging), which a message joins (definitions.md)."""
    headers: tuple[Header, ...] = ()
    secret_headers: frozenset[str] = frozenset()
    """Headers that hold the secret itself and must not be kept."""
    body: type[BaseModel] | None = None
    """The model of the body, where it is ours."""
    accepted_status: int = 202
    answer: tuple[str, bytes] | None = None
    """What its provider takes as an answer: media type and body; None: our own JSON."""
    takes_mail: bool = False
    """Its body is a mail (RFC 5322): ingest's listener and its mailboxes serve accounts of this channel too."""
    greet: Callable[[Request, AccountContext], bytes] | None = None
    """Answers the provider's GET that asks whether the URL is ours; raises Unauthenticated where it does not prove."""


def fitted(text: str) -> tuple[str, str | None]:
    """The text for the record, and the whole text where it is too long for one."""
    if len(text) * 6 <= INLINE_TEXT_BYTES or len(orjson.dumps(text)) <= INLINE_TEXT_BYTES:  # \u0001 takes six bytes
        return text, None
    return text[:BEGINNING_CHARS], text


def same_secret(offered: Sequence[bytes], wanted: Sequence[bytes]) -> bool:
    """Whether any of them is any of these; every pair is compared, in constant time."""
    return any([hmac.compare_digest(want, have) for want in wanted for have in offered])  # noqa: C419 - all pairs


def check_secret(given: bytes, account: AccountContext, *, missing: str) -> None:
    """Raises Unauthenticated where the secret is missing (and says how to give it) or is none of the account's."""
    if not given:
        raise Unauthenticated(missing, reason="missing_signature")
    if not same_secret([given], [secret.encode() for secret in account.secrets]):
        raise Unauthenticated("the secret is not this account's", reason="bad_signature")
