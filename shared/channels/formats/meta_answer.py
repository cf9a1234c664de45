"""One request to the Graph API (or Instagram's own), and what its answers mean.

https://developers.facebook.com/docs/graph-api/guides/error-handling. The API takes no key and cannot be asked about a
message, so a try without an answer stays unknown; a refusal is believed only in the API's own words.
"""

from typing import Any

from shared.channels.base import AccountContext
from shared.channels.formats import meta_errors
from shared.channels.formats.json_body import mapping, objects, string
from shared.channels.outgoing import web
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Accepted, Outcome, Rejected, Rendered, TryLater, Unsure
from shared.errors import Invalid

GRAPH = "https://graph.facebook.com/v23.0"


async def send(rendered: Rendered, account: AccountContext, client: Client, *, by: str, api: str = GRAPH) -> Outcome:
    """Post it as `by` (the number, page or account that sends), at the account's `api_url` where it has one."""
    if not account.credentials:
        return TryLater("no-credential")
    base = account.options.get("api_url", api).rstrip("/")
    proof = {"authorization": f"Bearer {account.credentials[0]}"}
    answered = await web.post(client, f"{base}/{by}/messages", rendered.body, proof)
    return outcome(answered) if isinstance(answered, web.Answered) else answered


def outcome(answered: web.Answered) -> Outcome:
    """Taken, refused for now, refused for good, or nobody knows."""
    said = answered.json()
    try:
        error = mapping(said, "error")
    except Invalid:
        error = {}
    if answered.status == 200 and not error:
        return Accepted(_sent_id(said))
    code = error.get("code")
    if not isinstance(code, int) or isinstance(code, bool):
        return TryLater("unavailable", answered.retry_after_s) if answered.status in (429, 503) else Unsure("no-answer")
    return _refused(answered, code, error.get("error_subcode"))


def _refused(answered: web.Answered, code: int, subcode: Any) -> Outcome:
    never, later = meta_errors.never(code, subcode), meta_errors.later(code, subcode)
    if never is not None:
        return Rejected(never)
    if later is not None or answered.status in (401, 429):
        word = later or ("bad-credential" if answered.status == 401 else "too-many-requests")
        return TryLater(word, answered.retry_after_s)
    return Unsure("unavailable") if answered.status >= 500 or code in meta_errors.TROUBLE else Rejected("refused")


def _sent_id(said: dict[str, Any]) -> str | None:
    """The message's natural id as receipts and the customer's answers will name it."""
    try:
        sent = objects(said, "messages")
        return (string(sent[0], "id") if sent else string(said, "message_id"))[:1000] or None
    except Invalid:
        return None
