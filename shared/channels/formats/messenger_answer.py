"""An answer as requests to Messenger's or Instagram's messages.

https://developers.facebook.com/docs/messenger-platform/reference/send-api. Within the reply window it is a RESPONSE;
where the account was allowed the human agent's tag, what a person wrote carries it and may go for seven days.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from shared.channels.base import AccountContext
from shared.channels.formats.messenger_events import OUR_METADATA
from shared.channels.outgoing.splitting import split
from shared.contracts.outbound_commands import SendMessage
from shared.errors import Invalid

WINDOW = timedelta(hours=24)
HUMAN_AGENT = "human_agent"
"""The option of accounts to which Meta gave the human agent's tag."""
LONGER = {HUMAN_AGENT: timedelta(days=7)}


def requests(
    answer: SendMessage, account: AccountContext, text_max: int, *, measure: Callable[[str], int], metadata: bool
) -> list[dict[str, Any]]:
    """A request for every `text_max`; the first answers the customer's newest message.

    With `metadata` each carries a mark of ours, which comes back in its echo; the last one's is the answer's id.
    """
    if answer.attachments:
        raise Invalid("files are not sent over this channel yet", reason="attachments-unsupported")
    if answer.template:
        raise Invalid("this channel knows no approved wordings", reason="templates-unsupported")
    parts = split(answer.text, text_max, measure=measure)
    if not parts:
        raise Invalid("there is no text to send", reason="nothing-to-send")
    frame = {"recipient": {"id": answer.recipient.value}, **_type(answer, account)}
    found: list[dict[str, Any]] = [{**frame, "message": {"text": part}} for part in parts]
    if answer.in_reply_to:
        found[0]["reply_to"] = {"mid": answer.in_reply_to[-1]}
    for number, request in enumerate(found[::-1] if metadata else ()):
        request["message"]["metadata"] = f"{OUR_METADATA}{answer.message}" + (f":{number}" if number else "")
    return found


def _type(answer: SendMessage, account: AccountContext) -> dict[str, str]:
    if account.options.get(HUMAN_AGENT) == "true" and answer.author and not answer.automatic:
        return {"messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"}
    return {"messaging_type": "RESPONSE"}
