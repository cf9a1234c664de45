"""Twilio's Messages resource, as far as a customer sees it: no key, so what comes twice is sent twice."""

import base64
import json
from urllib.parse import parse_qs

from tests.providers.web import Behaviour, Got, Reply, WebProvider

ACCOUNT = "AC00000000000000000000000000000001"


class TwilioApi(WebProvider):
    """Keeps what customers have received, where the log-in is right."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._proof = "Basic " + base64.b64encode(f"{ACCOUNT}:{token}".encode()).decode()
        self.received: list[tuple[str, str, str]] = []
        """The message's id, number and text, in the order they arrived."""

    async def take(self, got: Got) -> Reply:
        """Send it to the customer."""
        if got.headers.get("authorization") != self._proof:
            return _refusal(401, 20003)
        if got.path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            return _refusal(404, 20404)
        form = {name: values[0] for name, values in parse_qs(got.body.decode()).items()}
        if not form.get("From") or not form["To"].startswith("+"):
            return _refusal(400, 21211)
        sid = f"SM{len(self.received):032d}"
        self.received.append((sid, form["To"], form["Body"]))
        return Reply(201, json.dumps({"sid": sid, "status": "queued", "num_segments": "1"}).encode())

    def refuses(self, status: int, code: int, **headers: str) -> Behaviour:
        """Answers with an error of Twilio's."""
        return self.says(status, _refusal(status, code).body, **headers)


def _refusal(status: int, code: int) -> Reply:
    said = {
        "code": code,
        "message": "refused",
        "status": status,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
    }
    return Reply(status, json.dumps(said).encode())
