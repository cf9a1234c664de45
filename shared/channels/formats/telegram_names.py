"""Who wrote an update of Telegram's, where, and what its message is called."""

from datetime import UTC, datetime
from typing import Any

from shared.channels.formats.json_body import integer, mapping, string
from shared.contracts.inbound_messages import Sender
from shared.errors import Invalid
from shared.text import language_tag, one_line

KIND = "telegram"


def on_behalf(message: dict[str, Any]) -> bool:
    """Whether Telegram's own bot stands for a chat in whose name somebody wrote (an anonymous administrator)."""
    return bool(mapping(message, "sender_chat"))


def sender(message: dict[str, Any]) -> Sender:
    """Who wrote it: a user, or a chat in whose name somebody did."""
    if message.get("from") is not None and not on_behalf(message):
        return person(mapping(message, "from"))
    return person(mapping(message, "sender_chat") or mapping(message, "from") or mapping(message, "chat"))


def person(who: dict[str, Any]) -> Sender:
    """A user or a chat; their ids are unique over all of Telegram, chats' being negative."""
    number = integer(who, "id")
    if number is None:
        raise Invalid("the sender has no id", reason="no_sender")
    names = (string(who, "first_name"), string(who, "last_name"))
    name = " ".join(filter(None, names)) or string(who, "title") or string(who, "username")
    return Sender(
        kind=KIND,
        value=str(number),
        name=one_line(name, 200) or None,
        language=language_tag(string(who, "language_code")),
        verified=True,
    )


def chat(message: dict[str, Any]) -> int:
    """The chat's number."""
    number = integer(mapping(message, "chat"), "id")
    if number is None:
        raise Invalid("the message is in no chat", reason="no_chat")
    return number


def natural_id(message: dict[str, Any]) -> str:
    """Numbers of messages are unique within a chat, and within a business connection where there is one."""
    number = integer(message, "message_id")
    if number is None:
        raise Invalid("the message has no message_id", reason="no_message_id")
    connection = one_line(string(message, "business_connection_id"), 200)
    return f"{connection}:{chat(message)}:{number}" if connection else f"{chat(message)}:{number}"


def thread(message: dict[str, Any]) -> str:
    """The chat, and the topic in a forum."""
    topic = integer(message, "message_thread_id") if message.get("is_topic_message") is True else None
    return str(chat(message)) if topic is None else f"{chat(message)}:{topic}"


def answered(message: dict[str, Any]) -> tuple[str, ...]:
    """The message it answers; the first message of a topic is what Telegram names when there is none."""
    earlier = mapping(message, "reply_to_message")
    return (natural_id(earlier),) if earlier and "forum_topic_created" not in earlier else ()


def moment(seconds: int | None) -> datetime | None:
    """Unix time as UTC, where it makes sense."""
    return datetime.fromtimestamp(seconds, UTC) if seconds and 0 < seconds < 2**33 else None
