"""WhatsApp (C6) over the Cloud API: https://developers.facebook.com/docs/whatsapp/cloud-api.

The account's secrets are the Meta app's (with them every request is signed), its credential an access token, its
option `phone_number_id` the number that sends. A customer is his phone number; one who hides it has an id that only
this business knows. What WhatsApp tells about the business account itself is read and left aside with a reason.
"""

import functools
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import orjson

from shared.channels.base import MIB, AccountContext, Capabilities, Channel, Outgoing, Parsed, Request
from shared.channels.formats import many_events, meta_answer, meta_hook, whatsapp_answer
from shared.channels.formats import whatsapp_events as events
from shared.channels.formats.json_body import load_object, mapping, string
from shared.channels.formats.meta_hook import Walk, named
from shared.channels.outgoing import downloads
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Fetch, Outcome, Rejected, Rendered, TryLater
from shared.contracts.inbound_messages import Attachment
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Invalid

# fmt: off
NOT_MESSAGES = {
    **dict.fromkeys(("calls", "call_permission_update"), "call"),
    **dict.fromkeys(("history", "smb_app_state_sync"), "history"),
    **dict.fromkeys(("standby", "messaging_handovers"), "standby"),
    **dict.fromkeys(
        (
            "account_alerts", "account_review_update", "account_settings_update", "account_update",
            "automatic_events", "business_capability_update", "business_status_update", "business_username_update",
            "flows", "group_lifecycle_update", "group_participants_update", "group_settings_update",
            "group_status_update", "message_template_components_update", "message_template_quality_update",
            "message_template_status_update", "partner_solutions", "payment_configuration_update",
            "phone_number_name_update", "phone_number_quality_update", "security", "template_category_update",
            "template_correct_category_detection", "tracking_events", "user_id_update", "user_preferences",
        ),
        "not-a-message",
    ),
}
# fmt: on
"""Fields of the webhook that hold no customer's words, with the reason they are left aside for."""
READERS = {"messages": events.message, "statuses": events.status, "message_echoes": events.echo}
FIELDS = frozenset({"messages", "smb_message_echoes", "message_echoes"})


def parse(request: Request, account: AccountContext) -> Parsed:
    """Every message and status of every change; one that cannot be read only says why."""
    body = meta_hook.load(request.body)
    if string(body, "object") not in ("", "whatsapp_business_account"):
        raise Invalid("this is the webhook of another product of Meta's", reason="other_object")

    walk = Walk()

    def change(given: dict[str, Any]) -> Parsed:
        return _change(given, walk, request, account)

    return walk.settled(walk.each(body, "entry", lambda entry: walk.each(entry, "changes", change)))


def _change(given: dict[str, Any], walk: Walk, request: Request, account: AccountContext) -> Parsed:
    field = string(given, "field")
    if field in NOT_MESSAGES:
        return Parsed(ignored=NOT_MESSAGES[field])
    if field not in FIELDS:
        raise Invalid("this field of the webhook is not known here", reason="unknown_field")
    value = mapping(given, "value")
    number, ours = named(mapping(value, "metadata"), "phone_number_id"), account.options.get("phone_number_id")
    if number and ours and number != ours:
        raise Invalid("this came to another phone number than the account's", reason="other_account")
    reading = events.Reading(CHANNEL.name, request, account, events.people(value))
    found = [
        walk.each(value, name, functools.partial(read, reading=reading))
        for name, read in READERS.items()
        if value.get(name) is not None
    ]
    if not found:
        raise Invalid("the change holds neither messages nor statuses", reason="unknown_content")
    return many_events.merged(found)


def render(answer: SendMessage, account: AccountContext) -> tuple[Rendered, ...]:
    """The template where there is one, else one text or, where it is long, several."""
    wanted = whatsapp_answer.requests(answer, OUTGOING.text_max)
    recipient = answer.recipient.value
    return tuple(Rendered(f"{answer.message}:{n}", recipient, orjson.dumps(part)) for n, part in enumerate(wanted))


async def send(rendered: Rendered, account: AccountContext, client: Client) -> Outcome:
    """Post it as the account's phone number."""
    number = account.options.get("phone_number_id", "")
    if not number.isascii() or not number.isdigit():
        return TryLater("no-phone-number-id")
    return await meta_answer.send(rendered, account, client, by=number)


async def fetch(file: Attachment, account: AccountContext, client: Client) -> Fetch:
    """The API gives a file's address for its id, and the file there to who has the token; both for a few days."""
    if not account.credentials:
        return TryLater("no-credential")
    base = account.options.get("api_url", meta_answer.GRAPH).rstrip("/")
    proof = {"authorization": f"Bearer {account.credentials[0]}"}
    asked = await downloads.get(client, f"{base}/{quote(file.reference or '', safe='')}", proof, most_bytes=MIB)
    if not isinstance(asked, downloads.Got):
        return asked
    url = load_object(asked.body).get("url") if asked.status == 200 else None
    if not isinstance(url, str):
        return Rejected("gone") if asked.status in (400, 404) else TryLater(f"http-{asked.status}")
    return await downloads.fetch(client, url, proof)


OUTGOING = Outgoing(text_max=4096, reply_window=timedelta(hours=24), templates=True, read_receipts=True)

CHANNEL = Channel(
    name="whatsapp",
    about="WhatsApp: messages and statuses of the Cloud API.",
    max_body_bytes=4 * MIB,
    capabilities=Capabilities(text_max=4096, attachments=True, edits=True),
    verify=meta_hook.verify,
    parse=parse,
    outgoing=OUTGOING,
    render=render,
    send=send,
    fetch=fetch,
    proof="body",
    ours=False,
    conversational=True,
    challenge="X-Hub-Signature-256",
    headers=(meta_hook.HEADER,),
    accepted_status=200,
    greet=meta_hook.greet,
)
