"""A customer's file from Telegram: getFile names where it lies for an hour, https://core.telegram.org/bots/api#getfile."""

from urllib.parse import quote

import orjson

from shared.channels.formats.json_body import mapping, string
from shared.channels.outgoing import downloads, web
from shared.channels.outgoing.client import Client
from shared.channels.outgoing.outcomes import Fetch, Rejected, TryLater
from shared.errors import Invalid


async def fetch(reference: str, base: str, token: str, client: Client) -> Fetch:
    """The file of this file_id; bots are given no larger ones than 20 MB."""
    answered = await web.post(client, f"{base}/bot{token}/getFile", orjson.dumps({"file_id": reference}), {})
    if not isinstance(answered, web.Answered):
        return answered if isinstance(answered, Rejected) else TryLater(answered.reason)
    said = answered.json()
    try:
        path = string(mapping(said, "result"), "file_path")
    except Invalid:
        path = ""
    if path:
        return await downloads.fetch(client, f"{base}/file/bot{token}/{quote(path)}", {})
    if answered.status == 400:
        return Rejected("too-large" if "too big" in str(said.get("description")) else "gone")
    return TryLater(f"http-{answered.status}", answered.retry_after_s)
