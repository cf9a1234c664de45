"""Telegram (C9): updates of a bot, as https://core.telegram.org/bots/api#update describes them, and sendMessage.

The secret token given to setWebhook comes back in a header. Updates that are no customer's words (somebody joined, a
poll was closed) are read and left aside with a reason; what a later version of the API adds goes to quarantine.
The account's credential is the bot's token. The API takes no key and cannot be asked about a message, so a try without
an answer stays unknown.
"""

from typing import Any

import orjson

from shared.channels.base import (
    MIB,
    AccountContext,
    Capabilities,
    Channel,
    Header,
    Outgoing,
    Parsed,
    Received,
    Request,
    check_secret,
    fitted,
)
from shared.channels.formats import telegram_acts as acts
from shared.channels.formats import telegram_answer, telegram_files
from shared.channels.formats import telegram_names as names
from shared.channels.formats.json_body import integer, load_object, mapping, string
from shared.channels.formats.telegram_content import content
from shared.channels.outgoing import web
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Accepted, Fetch, Outcome, Rendered, TryLater, Unsure
from shared.contracts.inbound_messages import Attachment, MessageReceived
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Invalid
from shared.text import clean

SECRET = "x-telegram-bot-api-secret-token"  # noqa: S105 - the name of the header
PUBLIC_API = "https://api.telegram.org"

# fmt: off
MESSAGES = frozenset(
    {
        "message", "edited_message", "channel_post", "edited_channel_post", "business_message",
        "edited_business_message", "guest_message",
    }
)
NOT_MESSAGES = frozenset(
    {
        "business_connection", "message_reaction_count",
        "inline_query", "chosen_inline_result", "shipping_query", "pre_checkout_query", "purchased_paid_media", "poll",
        "poll_answer", "chat_member", "chat_join_request", "chat_boost", "removed_chat_boost",
        "subscription", "managed_bot",
    }
)
KINDS = MESSAGES | NOT_MESSAGES | {"callback_query", "message_reaction", "deleted_business_messages", "my_chat_member"}
SERVICE = frozenset(
    {
        "new_chat_members", "left_chat_member", "new_chat_title", "new_chat_photo", "delete_chat_photo",
        "group_chat_created", "supergroup_chat_created", "channel_chat_created", "message_auto_delete_timer_changed",
        "migrate_to_chat_id", "migrate_from_chat_id", "pinned_message", "successful_payment", "refunded_payment",
        "users_shared", "chat_shared", "gift", "unique_gift", "connected_website", "write_access_allowed",
        "passport_data", "proximity_alert_triggered", "boost_added", "chat_background_set", "forum_topic_created",
        "forum_topic_edited", "forum_topic_closed", "forum_topic_reopened", "general_forum_topic_hidden",
        "general_forum_topic_unhidden", "giveaway_created", "giveaway", "giveaway_winners", "giveaway_completed",
        "game", "invoice", "paid_message_price_changed", "direct_message_price_changed", "checklist_tasks_done",
        "checklist_tasks_added", "video_chat_scheduled", "video_chat_started", "video_chat_ended",
        "video_chat_participants_invited", "web_app_data", "suggested_post_approved", "suggested_post_approval_failed",
        "suggested_post_declined", "suggested_post_paid", "suggested_post_refunded", "chat_owner_left",
        "chat_owner_changed", "managed_bot_created", "poll_option_added", "poll_option_deleted", "community_chat_added",
        "community_chat_removed",
    }
)
# fmt: on
"""Content of a message that nobody wrote: the chat changed, or a form of Telegram's own was filled in."""


def verify(request: Request, account: AccountContext) -> None:
    """The secret token, in constant time."""
    given = request.headers.get(SECRET, "").encode()
    check_secret(given, account, missing="the secret token is missing; give it to setWebhook")


def parse(request: Request, account: AccountContext) -> Parsed:
    """One update is one message, one edit, one pressed button, or none of them."""
    update = load_object(request.body)
    number = integer(update, "update_id")
    if number is None:
        raise Invalid("there is no update_id, so this is no update", reason="not_an_update")
    kind = next((name for name in update if name in KINDS), "nothing")
    if kind in NOT_MESSAGES:
        return Parsed(ignored="not-a-message")
    if kind == "my_chat_member":
        return Parsed(ignored=acts.membership(mapping(update, kind)))
    if kind == "message_reaction":
        return acts.reaction(mapping(update, kind), number, request, account)
    if kind == "deleted_business_messages":
        return acts.deleted(mapping(update, kind), request, account)
    if kind == "callback_query":
        return _pressed(mapping(update, kind), request, account)
    if kind not in MESSAGES:
        raise Invalid("this kind of update is not known here", reason="unknown_update")
    return _written(mapping(update, kind), kind, number, request, account)


def _written(message: dict[str, Any], kind: str, update: int, request: Request, account: AccountContext) -> Parsed:
    ignored = _ignored(message, kind)
    if ignored is not None:
        return Parsed(ignored=ignored)
    text, files = content(message)
    text, whole = fitted(clean(text))
    first = names.natural_id(message)
    edited = kind.startswith("edited_")
    # the owner of a business account answered in the app: the customer's own chat has his id
    echo = "business" in kind and names.chat(message) != integer(mapping(message, "from"), "id")
    received = MessageReceived(
        channel=CHANNEL.name,
        account=account.id,
        natural_id=f"{first}:edit:{integer(message, 'edit_date') or 0}:{update}" if edited else first,
        edit_of=first if edited else None,
        echo=True if echo else None,
        sender=names.person(mapping(message, "chat")) if echo else names.sender(message),
        thread=names.thread(message),
        references=names.answered(message),
        text=text,
        attachments=files,
        automatic=_automatic(message),
        provider_time=names.moment(integer(message, "edit_date") if edited else integer(message, "date")),
        accepted_at=request.received_at,
    )
    return Parsed((Received(received, long_text=whole),))


def _automatic(message: dict[str, Any]) -> str | None:
    """Another bot's words; but Telegram's own stands for people who write in the name of a chat."""
    a_bot = mapping(message, "from").get("is_bot") is True
    return "auto-reply" if a_bot and not names.on_behalf(message) else None


def _ignored(message: dict[str, Any], kind: str) -> str | None:
    """Why nobody has to read it, or None."""
    if "sender_business_bot" in message:
        return "own-message"
    if "live_period" in mapping(message, "location") and kind.startswith("edited_"):
        return "live-location"
    if not SERVICE.isdisjoint(message):
        return "service-message"
    return None


def _pressed(query: dict[str, Any], request: Request, account: AccountContext) -> Parsed:
    """A button under one of our messages: its label, or its data where the label is not there any more."""
    name = string(query, "id")
    if not name:
        raise Invalid("the callback query has no id", reason="not_an_update")
    under = mapping(query, "message")
    received = MessageReceived(
        channel=CHANNEL.name,
        account=account.id,
        natural_id=f"callback:{name}"[:1000],
        sender=names.person(mapping(query, "from")),
        thread=names.thread(under) if under else None,
        references=(names.natural_id(under),) if under else (),
        text=fitted(clean(_label(under, string(query, "data"))))[0],
        accepted_at=request.received_at,
    )
    return Parsed((Received(received),))


def _label(message: dict[str, Any], data: str) -> str:
    rows = mapping(message, "reply_markup").get("inline_keyboard")
    buttons = [button for row in rows if isinstance(row, list) for button in row] if isinstance(rows, list) else []
    for button in buttons:
        if isinstance(button, dict) and data and button.get("callback_data") == data:
            return string(button, "text") or data
    return data


# --- answers ---------------------------------------------------------------------------------------------------------


def render(answer: SendMessage, account: AccountContext) -> tuple[Rendered, ...]:
    """One sendMessage or, where the answer is long, several."""
    wanted = telegram_answer.requests(answer, OUTGOING.text_max)
    recipient = answer.recipient.value
    return tuple(Rendered(f"{answer.message}:{n}", recipient, orjson.dumps(part)) for n, part in enumerate(wanted))


async def send(rendered: Rendered, account: AccountContext, client: Client) -> Outcome:
    """Call sendMessage; a refusal is believed only in the API's own words."""
    if not account.credentials:
        return TryLater("no-credential")
    base = account.options.get("api_url", PUBLIC_API).rstrip("/")
    answered = await web.post(client, f"{base}/bot{account.credentials[0]}/sendMessage", rendered.body, {})
    if not isinstance(answered, web.Answered):
        return answered
    said = answered.json()
    if said.get("ok") is True or answered.status == 200:
        return Accepted(_sent_id(said))
    if said.get("ok") is not False:
        return TryLater("unavailable", answered.retry_after_s) if answered.status in (429, 503) else Unsure("no-answer")
    return telegram_answer.refused(answered, said)


def _sent_id(said: dict[str, Any]) -> str | None:
    """The message's natural id as a customer's answer to it will name it."""
    try:
        return names.natural_id(mapping(said, "result"))
    except Invalid:
        return None


async def fetch(file: Attachment, account: AccountContext, client: Client) -> Fetch:
    """A customer's file."""
    if not account.credentials:
        return TryLater("no-credential")
    base = account.options.get("api_url", PUBLIC_API).rstrip("/")
    return await telegram_files.fetch(file.reference or "", base, account.credentials[0], client)


OUTGOING = Outgoing(text_max=4096)

CHANNEL = Channel(
    name="telegram",
    about="Telegram: updates of a bot.",
    max_body_bytes=MIB,
    capabilities=Capabilities(text_max=4096, attachments=True, edits=True),
    verify=verify,
    parse=parse,
    outgoing=OUTGOING,
    render=render,
    send=send,
    fetch=fetch,
    proof="headers",
    ours=False,
    conversational=True,
    challenge="X-Telegram-Bot-Api-Secret-Token",
    headers=(Header("X-Telegram-Bot-Api-Secret-Token", "The secret token that was given to setWebhook."),),
    secret_headers=frozenset({SECRET}),
)
