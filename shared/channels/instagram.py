"""Instagram (C8): messages to a professional account, https://developers.facebook.com/docs/instagram-platform/webhooks.

The account's secrets are the Meta app's (with them every request is signed), its credential an Instagram user access
token, or a page's where the option `api_url` names Facebook's Graph API. A customer is a number that only this account
knows. A text may have 1,000 bytes. Comments and mentions are public and no messages of this channel.
"""

import orjson

from shared.channels.base import MIB, AccountContext, Capabilities, Channel, Outgoing, Parsed, Request
from shared.channels.formats import messenger_answer, messenger_events, meta_answer, meta_hook
from shared.channels.outgoing import downloads
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Outcome, Rendered
from shared.channels.outgoing.splitting import octets
from shared.contracts.outbound_commands import SendMessage


def parse(request: Request, account: AccountContext) -> Parsed:
    """Every event of every entry; one that cannot be read only says why."""
    return messenger_events.parse(request, account, channel=CHANNEL.name, about="instagram")


def render(answer: SendMessage, account: AccountContext) -> tuple[Rendered, ...]:
    """One text or, where it is long, several."""
    wanted = messenger_answer.requests(answer, account, OUTGOING.text_max, measure=octets, metadata=False)
    recipient = answer.recipient.value
    return tuple(Rendered(f"{answer.message}:{n}", recipient, orjson.dumps(part)) for n, part in enumerate(wanted))


async def send(rendered: Rendered, account: AccountContext, client: Client) -> Outcome:
    """Post it as whomever the token is of: of Facebook's API that is the page, which Instagram numbers otherwise."""
    return await meta_answer.send(rendered, account, client, by="me", api=PUBLIC_API)


PUBLIC_API = "https://graph.instagram.com/v23.0"
OUTGOING = Outgoing(
    text_max=1000,
    reply_window=messenger_answer.WINDOW,
    longer_windows=messenger_answer.LONGER,
    read_receipts=True,
)

CHANNEL = Channel(
    name="instagram",
    about="Instagram: messages to a professional account.",
    max_body_bytes=4 * MIB,
    capabilities=Capabilities(text_max=1000, attachments=True, edits=True),
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
