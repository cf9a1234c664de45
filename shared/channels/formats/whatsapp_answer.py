"""An answer as requests to WhatsApp's messages: text within the reply window, an approved template at any time."""

from typing import Any

from shared.channels.formats.whatsapp_events import BUSINESS_SCOPED, GROUP
from shared.channels.outgoing.splitting import split
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Invalid


def requests(answer: SendMessage, text_max: int) -> list[dict[str, Any]]:
    """A request for every `text_max` characters, or one for the template.

    The first answers the customer's newest message; the last carries our id, which comes back in its statuses.
    """
    if answer.attachments:
        raise Invalid("files are not sent over this channel yet", reason="attachments-unsupported")
    contents = [_template(answer)] if answer.template else _texts(answer, text_max)
    if not contents:
        raise Invalid("there is no text to send", reason="nothing-to-send")
    frame = {"messaging_product": "whatsapp", **_to(answer)}
    found = [{**frame, **content} for content in contents]
    if answer.in_reply_to and not answer.template:
        found[0]["context"] = {"message_id": answer.in_reply_to[-1]}
    found[-1]["biz_opaque_callback_data"] = str(answer.message)
    return found


def _texts(answer: SendMessage, text_max: int) -> list[dict[str, Any]]:
    return [{"type": "text", "text": {"body": part}} for part in split(answer.text, text_max)]


def _template(answer: SendMessage) -> dict[str, Any]:
    """Its gaps in their order; https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates."""
    assert answer.template is not None
    wording: dict[str, Any] = {"name": answer.template.name, "language": {"code": answer.template.language}}
    if answer.template.values:
        values = [{"type": "text", "text": value} for value in answer.template.values]
        wording["components"] = [{"type": "body", "parameters": values}]
    return {"type": "template", "template": wording}


def _to(answer: SendMessage) -> dict[str, str]:
    """Phone numbers go into `to` and business-scoped ids into `recipient`; in `to` these are taken and lost."""
    if (answer.thread or "").startswith(GROUP):
        return {"recipient_type": "group", "to": str(answer.thread).removeprefix(GROUP)}
    value = answer.recipient.value
    return {"recipient_type": "individual", "recipient" if BUSINESS_SCOPED.fullmatch(value) else "to": value}
