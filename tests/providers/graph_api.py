"""Meta's messages: WhatsApp's of a phone number, a page's, an account's; no key, so what comes twice is sent twice."""

import json
from typing import Any

from tests.providers.web import Behaviour, Got, Reply, WebProvider


class GraphApi(WebProvider):
    """Keeps what customers have received, where the token is right and the request is one that Meta takes."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token
        self.received: list[tuple[str, str]] = []
        """Customer and text (or the template's name), in the order they arrived."""

    async def take(self, got: Got) -> Reply:
        """Send it to the customer."""
        if got.headers.get("authorization") != f"Bearer {self._token}":
            return _refusal(401, 190)
        body = got.json
        if not got.path.endswith("/messages") or "access_token" in got.path:
            return _refusal(400, 100, 33)
        return self._whatsapp(body) if body.get("messaging_product") == "whatsapp" else self._messenger(body)

    def _whatsapp(self, body: dict[str, Any]) -> Reply:
        whom = body.get("to") or body.get("recipient")
        if body.get("recipient_type") not in ("individual", "group") or not whom:
            return _refusal(400, 131009)
        if "to" in body and not body["to"].strip("+").isdigit() and body["recipient_type"] == "individual":
            return self._took(str(whom), None)  # a business-scoped id in `to` is taken and never arrives
        content = body[body["type"]]
        return self._took(str(whom), content["body"] if body["type"] == "text" else content["name"])

    def _messenger(self, body: dict[str, Any]) -> Reply:
        if body.get("messaging_type") not in ("RESPONSE", "MESSAGE_TAG") or not body["recipient"].get("id"):
            return _refusal(400, 100)
        return self._took(body["recipient"]["id"], body["message"]["text"])

    def _took(self, whom: str, text: str | None) -> Reply:
        if text is not None:
            self.received.append((whom, text))
        name = f"wamid.{len(self.received)}"
        said = {"messages": [{"id": name}], "message_id": name, "recipient_id": whom}
        return Reply(200, json.dumps(said).encode())

    def refuses(self, status: int, code: int, subcode: int | None = None, **headers: str) -> Behaviour:
        """Answers with an error of Meta's."""
        return self.says(status, _refusal(status, code, subcode).body, **headers)

    async def takes_twice(self, got: Got) -> Reply:
        """Sends it twice, as has happened."""
        await self.take(got)
        return await self.take(got)


def _refusal(status: int, code: int, subcode: int | None = None) -> Reply:
    error = {"message": "refused", "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "A"}
    return Reply(status, json.dumps({"error": error}).encode())
