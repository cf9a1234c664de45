"""Messenger (C7): private messages to a Facebook page, https://developers.facebook.com/docs/messenger-platform.

The account's secrets are the Meta app's (with them every request is signed), its credential a page access token. A
customer is a number that only this page knows. Comments and mentions are public and no messages of this channel.
"""

import orjson

from shared.channels.base import MIB, AccountContext, Capabilities, Channel, Outgoing, Parsed, Request
from shared.channels.formats import messenger_answer, messenger_events, meta_answer, meta_hook
from shared.channels.outgoing import downloads
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Outcome, Rendered, TryLater
from shared.channels.outgoing.splitting import units
from shared.contracts.outbound_commands import SendMessage


def parse(request: Request, account: AccountContext) -> Parsed:
    """Every event of every entry; one that cannot be read only says why."""
    return messenger_events.parse(request, account, channel=CHANNEL.name, about="page")


def render(answer: SendMessage, account: AccountContext) -> tuple[Rendered, ...]:
    """One text or, where it is long, several."""
    wanted = messenger_answer.requests(answer, account, OUTGOING.text_max, measure=units, metadata=True)
    recipient = answer.recipient.value
    return tuple(Rendered(f"{answer.message}:{n}", recipient, orjson.dumps(part)) for n, part in enumerate(wanted))


async def send(rendered: Rendered, account: AccountContext, client: Client) -> Outcome:
    """Post it as the account's `page_id`, or as whomever the token is of."""
    page = account.options.get("page_id", "me")
    if not page.isascii() or not page.isalnum():
        return TryLater("bad-page-id")
    return await meta_answer.send(rendered, account, client, by=page)


OUTGOING = Outgoing(
    text_max=2000,
    reply_window=messenger_answer.WINDOW,
    longer_windows=messenger_answer.LONGER,
    read_receipts=True,
)

CHANNEL = Channel(
    name="messenger",
    about="Messenger: messages to a page.",
    max_body_bytes=4 * MIB,
    capabilities=Capabilities(text_max=2000, attachments=True, edits=True),
    verify=meta_hook.verify,
    parse=parse,
    outgoing=OUTGOING,
    render=render,
    send=send,
    fetch=downloads.by_address,
    proof="body",
    ours=False,
    conversational=True,
    challenge="X-Hub-Signature-256",
    headers=(meta_hook.HEADER,),
    accepted_status=200,
    greet=meta_hook.greet,
)
