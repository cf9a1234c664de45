"""Telegram (C9): updates of a bot, as https://core.telegram.org/bots/api#update describes them, and sendMessage.

The secret token given to setWebhook comes back in a header. Updates that are no customer's words (somebody joined, a
poll was closed) are read and left aside with a reason; what a later version of the API adds goes to quarantine.
The account's credential is the bot's token. The API takes no key and cannot be asked about a message, so a try without
an answer stays unknown.
"""

from datetime import UTC, datetime
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
from shared.channels.formats import telegram_answer
from shared.channels.formats.json_body import integer, load_object, mapping, string
from shared.channels.formats.telegram_content import content
from shared.channels.outgoing import web
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Accepted, Outcome, Rendered, TryLater, Unsure
from shared.contracts.inbound_messages import MessageReceived, Sender
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Invalid
from shared.text import clean, language_tag, one_line

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
        "business_connection", "deleted_business_messages", "message_reaction", "message_reaction_count",
        "inline_query", "chosen_inline_result", "shipping_query", "pre_checkout_query", "purchased_paid_media", "poll",
        "poll_answer", "my_chat_member", "chat_member", "chat_join_request", "chat_boost", "removed_chat_boost",
        "subscription", "managed_bot",
    }
)
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
    kind = next((name for name in update if name != "update_id"), "nothing")
    if kind in NOT_MESSAGES:
        return Parsed(ignored="not-a-message")
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
    first = _natural_id(message)
    edited = kind.startswith("edited_")
    received = MessageReceived(
        channel=CHANNEL.name,
        account=account.id,
        natural_id=f"{first}:edit:{integer(message, 'edit_date') or 0}:{update}" if edited else first,
        edit_of=first if edited else None,
        sender=_sender(message),
        thread=_thread(message),
        references=_answered(message),
        text=text,
        attachments=files,
        automatic="auto-reply" if mapping(message, "from").get("is_bot") is True and not _on_behalf(message) else None,
        provider_time=_moment(integer(message, "edit_date") if edited else integer(message, "date")),
        accepted_at=request.received_at,
    )
    return Parsed((Received(received, long_text=whole),))


def _ignored(message: dict[str, Any], kind: str) -> str | None:
    """Why nobody has to read it, or None."""
    if "business" in kind and _chat(message) != integer(mapping(message, "from"), "id"):
        return "echo"  # the owner of the business account answered in the app; the customer's own chat has his id
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
        sender=_person(mapping(query, "from")),
        thread=_thread(under) if under else None,
        references=(_natural_id(under),) if under else (),
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


# --- who and where ---------------------------------------------------------------------------------------------------


def _on_behalf(message: dict[str, Any]) -> bool:
    """Whether Telegram's own bot stands for a chat in whose name somebody wrote (an anonymous administrator)."""
    return bool(mapping(message, "sender_chat"))


def _sender(message: dict[str, Any]) -> Sender:
    if message.get("from") is not None and not _on_behalf(message):
        return _person(mapping(message, "from"))
    chat = mapping(message, "sender_chat") or mapping(message, "from") or mapping(message, "chat")
    return _person(chat)


def _person(who: dict[str, Any]) -> Sender:
    """A user or a chat; their ids are unique over all of Telegram, chats' being negative."""
    number = integer(who, "id")
    if number is None:
        raise Invalid("the sender has no id", reason="no_sender")
    names = (string(who, "first_name"), string(who, "last_name"))
    name = " ".join(filter(None, names)) or string(who, "title") or string(who, "username")
    return Sender(
        kind=CHANNEL.name,
        value=str(number),
        name=one_line(name, 200) or None,
        language=language_tag(string(who, "language_code")),
        verified=True,
    )


def _chat(message: dict[str, Any]) -> int:
    chat = integer(mapping(message, "chat"), "id")
    if chat is None:
        raise Invalid("the message is in no chat", reason="no_chat")
    return chat


def _natural_id(message: dict[str, Any]) -> str:
    """Numbers of messages are unique within a chat, and within a business connection where there is one."""
    number = integer(message, "message_id")
    if number is None:
        raise Invalid("the message has no message_id", reason="no_message_id")
    connection = one_line(string(message, "business_connection_id"), 200)
    return f"{connection}:{_chat(message)}:{number}" if connection else f"{_chat(message)}:{number}"


def _thread(message: dict[str, Any]) -> str:
    """The chat, and the topic in a forum."""
    topic = integer(message, "message_thread_id") if message.get("is_topic_message") is True else None
    return str(_chat(message)) if topic is None else f"{_chat(message)}:{topic}"


def _answered(message: dict[str, Any]) -> tuple[str, ...]:
    """The message it answers; the first message of a topic is what Telegram names when there is none."""
    earlier = mapping(message, "reply_to_message")
    return (_natural_id(earlier),) if earlier and "forum_topic_created" not in earlier else ()


def _moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds and 0 < seconds < 2**33 else None


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
        return _natural_id(mapping(said, "result"))
    except Invalid:
        return None


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
    proof="headers",
    ours=False,
    conversational=True,
    challenge="X-Telegram-Bot-Api-Secret-Token",
    headers=(Header("X-Telegram-Bot-Api-Secret-Token", "The secret token that was given to setWebhook."),),
    secret_headers=frozenset({SECRET}),
)
