"""An answer as requests to sendMessage, and what the API's refusals mean."""

from typing import Any

from shared.channels.formats.json_body import mapping
from shared.channels.outgoing.outcomes import Outcome, Rejected, TryLater
from shared.channels.outgoing.splitting import split
from shared.channels.outgoing.web import Answered
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Invalid


def requests(answer: SendMessage, text_max: int) -> list[dict[str, Any]]:
    """A request for every `text_max` characters; the first one answers the customer's newest message of the chat."""
    if answer.attachments:
        raise Invalid("files are not sent over this channel yet", reason="attachments-unsupported")
    parts = split(answer.text, text_max)
    if not parts:
        raise Invalid("there is no text to send", reason="nothing-to-send")
    chat, _, topic = (answer.thread or answer.recipient.value).partition(":")
    place: dict[str, Any] = {"chat_id": int(chat) if _number(chat) else chat}
    if _number(topic):
        place["message_thread_id"] = int(topic)
    reply = _reply(answer, chat, place)
    return [{**place, **(reply if number == 0 else {}), "text": text} for number, text in enumerate(parts)]


def _number(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdecimal()


def _reply(answer: SendMessage, chat: str, place: dict[str, Any]) -> dict[str, Any]:
    """Which message it answers; `place` is given the business connection which that message came over."""
    for natural_id in reversed(answer.in_reply_to):
        before, _, number = natural_id.rpartition(":")
        connection, _, where = before.rpartition(":")
        if where == chat and _number(number):
            if connection:
                place["business_connection_id"] = connection
            return {"reply_parameters": {"message_id": int(number), "allow_sending_without_reply": True}}
    return {}


def refused(answered: Answered, said: dict[str, Any]) -> Outcome:
    """What `ok: false` means (https://core.telegram.org/bots/api#making-requests): nothing was sent."""
    words = str(said.get("description", "")).lower()
    if answered.status == 429:
        after_s = mapping(said, "parameters").get("retry_after") if isinstance(said.get("parameters"), dict) else None
        return TryLater("too-many-requests", float(after_s) if isinstance(after_s, int) else answered.retry_after_s)
    if answered.status >= 500:
        return TryLater("unavailable", answered.retry_after_s)
    if answered.status in (401, 404):  # the token is wrong or was revoked: no message is to blame
        return TryLater("account-unauthorized")
    if answered.status == 403:
        return Rejected("blocked")
    return Rejected("no-such-recipient" if "chat not found" in words or "user not found" in words else "refused")
