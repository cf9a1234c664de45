"""What a channel lets out at this moment: free text within its reply window, later only an approved template."""

from collections.abc import Mapping
from datetime import datetime

from shared.channels.base import Outgoing
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Invalid

CLOSED = "window-closed"


def fitting(answer: SendMessage, outgoing: Outgoing, options: Mapping[str, str], now: datetime) -> SendMessage:
    """The answer as it may go now: with its template only where text may not; raises Invalid where nothing may.

    `options` are the account's. Where nobody knows when the customer wrote last, the provider judges a text.
    """
    if answer.attachments and not outgoing.attachments:
        raise Invalid("files are not sent over this channel", reason="attachments-unsupported")
    window = outgoing.window(options)
    unsure = window is not None and answer.heard_at is None
    closed = window is not None and answer.heard_at is not None and now >= answer.heard_at + window
    if (closed or unsure) and answer.template is not None and outgoing.templates:
        return answer
    if closed:
        raise Invalid("the reply window has closed; only a template may go", reason=CLOSED)
    return answer.model_copy(update={"template": None}) if answer.template is not None else answer
