"""What a message of Messenger or Instagram holds, as text and files; content without words is put into words."""

from typing import Any

from shared.channels.formats.json_body import mapping, objects, string
from shared.channels.formats.meta_hook import geo, words
from shared.contracts.inbound_messages import Attachment
from shared.errors import Invalid
from shared.text import one_line

FILES = {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/mp4"}
"""Kinds of file with what they usually are; the webhook does not say."""
URL_MAX = 4000
FILES_MAX = 100
SAID = ("text", "title", "subtitle", "intro_message", "recipient_name", "order_number")
"""Fields of templates that a reader sees."""
WITHIN = ("elements", "buttons", "product", "items")
DEPTH = 4
LINES = 40


def content(message: dict[str, Any]) -> tuple[str, str | None, tuple[Attachment, ...]]:
    """Text, what it is about, and files; raises Invalid for content that this release does not know."""
    given = objects(message, "attachments")
    if len(given) > FILES_MAX:
        raise Invalid(f"the message has more than {FILES_MAX} attachments", reason="too_many_parts")
    files = tuple(filter(None, (*map(_file, given), _story(message))))
    said = string(message, "text")
    shown = [] if said and not any(_is_template(one) for one in given) else [_spoken(one) for one in given]
    spoken = "\n".join(filter(None, shown))
    text = said or spoken or words(mapping(message, "quick_reply"), "payload")
    if not text.strip() and not files:
        raise Invalid("the message holds nothing that is known here", reason="unknown_content")
    return text, _subject(message, spoken if said else ""), files


def _is_template(attachment: dict[str, Any]) -> bool:
    return string(attachment, "type") == "template"


def _subject(message: dict[str, Any], spoken: str) -> str | None:
    """The product or advertisement that the customer wrote from."""
    return one_line(" ".join(filter(None, (spoken, referral(mapping(message, "referral"))))), 500) or None


def referral(given: dict[str, Any]) -> str:
    """Where the customer came from: an advertisement, a product, or a link of the shop."""
    advert, product = mapping(given, "ads_context_data"), mapping(given, "product")
    return words(advert, "ad_title") or words(product, "id") or words(given, "ref")


def _payload(attachment: dict[str, Any]) -> dict[str, Any]:
    """What the attachment holds; old kinds of it hold text."""
    payload = attachment.get("payload")
    return payload if isinstance(payload, dict) else {}


def _file(attachment: dict[str, Any]) -> Attachment | None:
    """A file by its address, which is good for some days only."""
    kind, payload = string(attachment, "type"), _payload(attachment)
    url = words(payload, "url")
    if kind in ("fallback", "location", "template") or not url:
        return None
    name = one_line(words(payload, "title") or kind, 200) or "file"
    return Attachment(name=name, media_type=FILES.get(kind, "application/octet-stream"), reference=_kept(url))


def _kept(url: str) -> str | None:
    """The address where it fits its field; without it the file is named all the same."""
    return url if len(url) <= URL_MAX and url.isprintable() else None


def _story(message: dict[str, Any]) -> Attachment | None:
    """The story that the message answers."""
    url = words(mapping(mapping(message, "reply_to"), "story"), "url")
    return Attachment(name="story", reference=_kept(url)) if url else None


def _spoken(attachment: dict[str, Any]) -> str:
    """An attachment that is no file, as words."""
    payload = _payload(attachment)
    point = mapping(payload, "coordinates")
    if point:
        where = geo(point.get("lat"), point.get("long"))
        return "\n".join(filter(None, (words(attachment, "title"), where)))
    if string(attachment, "type") == "fallback":
        named = words(attachment, "title") or words(payload, "title")
        return "\n".join(filter(None, (named, words(attachment, "url") or words(payload, "url"))))
    return "\n".join(_lines(payload, DEPTH)[:LINES]) if _is_template(attachment) else ""


def _lines(part: dict[str, Any], depth: int) -> list[str]:
    """The words of a template, outer ones first."""
    found = [" ".join(filter(None, (words(part, name) for name in SAID)))]
    for name in WITHIN if depth else ():
        inner = part.get(name)
        for one in inner if isinstance(inner, list) else [inner]:
            found += _lines(one, depth - 1) if isinstance(one, dict) else []
    return [line for line in found if line]
