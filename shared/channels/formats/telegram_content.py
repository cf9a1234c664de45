"""What a message of Telegram holds, as text and files; content without words is put into words."""

from typing import Any

from shared.channels.formats.json_body import integer, mapping, objects, string
from shared.contracts.inbound_messages import Attachment
from shared.errors import Invalid
from shared.text import one_line

FILES = {
    "animation": "video/mp4",
    "audio": "audio/mpeg",
    "document": "application/octet-stream",
    "sticker": "image/webp",
    "video": "video/mp4",
    "video_note": "video/mp4",
    "voice": "audio/ogg",
}
"""Kinds of file, with what they are where the update does not say."""


def content(message: dict[str, Any]) -> tuple[str, tuple[Attachment, ...]]:
    """Text and files; raises Invalid for content that this release does not know, so that somebody looks at it."""
    files = _files(message)
    said = string(message, "text") or string(message, "caption")
    text = said or next((read(mapping(message, name)) for name, read in SPOKEN.items() if name in message), "")
    if not text and not files:
        raise Invalid("the message holds nothing that is known here", reason="unknown_content")
    return text, files


def _files(message: dict[str, Any]) -> tuple[Attachment, ...]:
    found = [(name, mapping(message, name)) for name in FILES if message.get(name) is not None]
    photos = objects(message, "photo")
    if photos:
        found.append(("photo", photos[-1]))  # Telegram lists the sizes in rising order
    unique = {one_line(string(file, "file_id"), 1000): (kind, file) for kind, file in reversed(found)}
    return tuple(_file(kind, file, name) for name, (kind, file) in unique.items() if name)


def _file(kind: str, file: dict[str, Any], reference: str) -> Attachment:
    size = integer(file, "file_size")
    return Attachment(
        name=one_line(string(file, "file_name"), 200) or kind,
        media_type=one_line(string(file, "mime_type"), 100) or FILES.get(kind, "image/jpeg"),
        size=size if size is not None and size >= 0 else None,
        reference=reference,
    )


def _place(location: dict[str, Any]) -> str:
    """A point as a geo URI (RFC 5870)."""
    point = (location.get("latitude"), location.get("longitude"))
    if not all(isinstance(part, int | float) for part in point):
        raise Invalid("the location has no latitude and longitude", reason="wrong_type")
    return f"geo:{point[0]},{point[1]}"


def _venue(venue: dict[str, Any]) -> str:
    return "\n".join((string(venue, "title"), string(venue, "address"), _place(mapping(venue, "location"))))


def _contact(contact: dict[str, Any]) -> str:
    return " ".join(filter(None, (string(contact, name) for name in ("first_name", "last_name", "phone_number"))))


def _poll(poll: dict[str, Any]) -> str:
    return "\n".join(
        [string(poll, "question"), *(f"- {string(option, 'text')}" for option in objects(poll, "options"))]
    )


def _dice(dice: dict[str, Any]) -> str:
    return f"{string(dice, 'emoji')} {integer(dice, 'value')}"


SPOKEN = {"venue": _venue, "location": _place, "contact": _contact, "poll": _poll, "dice": _dice}
"""Content that is neither text nor file, as the words an agent reads; a venue holds a location too."""
