"""What a message of WhatsApp holds, as text and files; content without words is put into words."""

from collections.abc import Callable
from typing import Any

import orjson

from shared.channels.formats.json_body import mapping, objects, string
from shared.channels.formats.meta_hook import geo, named, words
from shared.contracts.inbound_messages import Attachment
from shared.errors import Invalid
from shared.text import one_line

FILES = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "audio": "audio/ogg",
    "voice": "audio/ogg",
    "document": "application/octet-stream",
    "sticker": "image/webp",
}
"""Kinds of file, with what they are where the message does not say."""


def kind(message: dict[str, Any]) -> str:
    """The message's type, or what it holds where it names none."""
    return string(message, "type") or next((name for name in (*FILES, *SPOKEN) if name in message), "")


def content(message: dict[str, Any]) -> tuple[str, tuple[Attachment, ...]]:
    """Text and files; raises Invalid for content that this release does not know, so that somebody looks at it."""
    name = kind(message)
    if name in FILES:
        return string(mapping(message, name), "caption"), (_file(mapping(message, name), name),)
    text = SPOKEN[name](message) if name in SPOKEN else ""
    if not text.strip():
        raise Invalid("the message holds nothing that is known here", reason="unknown_content")
    return text, ()


def subject(message: dict[str, Any]) -> str | None:
    """The advertisement or product that the customer wrote from."""
    advert = mapping(message, "referral")
    product = mapping(mapping(message, "context"), "referred_product")
    found = (words(advert, "headline"), words(advert, "source_url"), words(product, "product_retailer_id"))
    return one_line(" ".join(filter(None, found)), 500) or None


def _file(file: dict[str, Any], name: str) -> Attachment:
    reference = named(file, "id")
    if not reference:
        raise Invalid("the file has no id by which it could be fetched", reason="no_media")
    return Attachment(
        name=one_line(words(file, "filename"), 200) or name,
        media_type=one_line(words(file, "mime_type"), 200) or FILES[name],
        reference=reference,
    )


def _text(message: dict[str, Any]) -> str:
    return string(mapping(message, "text"), "body")


def _place(message: dict[str, Any]) -> str:
    place = mapping(message, "location")
    where = geo(place.get("latitude"), place.get("longitude"))
    return "\n".join(filter(None, (words(place, "name"), words(place, "address"), where)))


def _contacts(message: dict[str, Any]) -> str:
    return "\n".join(filter(None, map(_contact, objects(message, "contacts"))))


def _contact(contact: dict[str, Any]) -> str:
    name = mapping(contact, "name")
    called = words(name, "formatted_name") or " ".join(
        filter(None, (words(name, part) for part in ("first_name", "last_name")))
    )
    reached = [words(phone, "phone") or words(phone, "wa_id") for phone in objects(contact, "phones")]
    reached += [words(mail, "email") for mail in objects(contact, "emails")]
    company = words(mapping(contact, "org"), "company")
    return " ".join(filter(None, (called, company, *reached))) or words(contact, "vcard")


def _button(message: dict[str, Any]) -> str:
    """A quick reply of a template."""
    button = mapping(message, "button")
    return words(button, "text") or words(button, "payload")


def _interactive(message: dict[str, Any]) -> str:
    """What was chosen of the buttons, lists and forms that we sent."""
    pressed = mapping(message, "interactive")
    chosen = mapping(pressed, "button_reply") or mapping(pressed, "list_reply")
    if chosen:
        title = words(chosen, "title") or words(chosen, "id")
        return "\n".join(filter(None, (title, words(chosen, "description"))))
    return _form(mapping(pressed, "nfm_reply"))


def _form(form: dict[str, Any]) -> str:
    """A filled-in flow: a line for each of its fields, but for the token that we gave it."""
    given = form.get("response_json")
    if isinstance(given, str):
        try:
            given = orjson.loads(given)
        except orjson.JSONDecodeError:
            return str(given)
    if not isinstance(given, dict):
        return words(form, "body")
    lines = [f"{name}: {_plain(value)}" for name, value in given.items() if name != "flow_token"]
    return "\n".join(lines) or words(form, "body")


def _plain(value: Any) -> str:
    """A field's value; one that is nested too deeply to be shown is left out."""
    try:
        return value if isinstance(value, str) else orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return "…"


def _order(message: dict[str, Any]) -> str:
    order = mapping(message, "order")
    lines = [_item(item) for item in objects(order, "product_items")]
    return "\n".join(filter(None, (words(order, "text"), *lines)))


def _item(item: dict[str, Any]) -> str:
    price = " ".join(filter(None, (words(item, "item_price"), words(item, "currency"))))
    wanted = f"{words(item, 'quantity') or '?'} × {words(item, 'product_retailer_id') or '?'}"
    return f"{wanted} ({price})" if price else wanted


SPOKEN: dict[str, Callable[[dict[str, Any]], str]] = {
    "text": _text,
    "location": _place,
    "contacts": _contacts,
    "button": _button,
    "interactive": _interactive,
    "order": _order,
}
"""Content that is no file, as the words an agent reads."""
