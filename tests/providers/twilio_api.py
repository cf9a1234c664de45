"""Twilio's Messages resource, as far as a customer sees it: no key, so what comes twice is sent twice."""

import base64
import hmac
import json
from urllib.parse import parse_qsl, urlencode

import httpx

from tests.providers.web import Behaviour, Got, Reply, WebProvider

ACCOUNT = "AC00000000000000000000000000000001"
TEXT_MAX = 1600


class TwilioApi(WebProvider):
    """Keeps what customers have received, where the log-in is right, and tells what became of it when told to."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token
        self._proof = "Basic " + base64.b64encode(f"{ACCOUNT}:{token}".encode()).decode()
        self.received: list[tuple[str, str, str]] = []
        """The message's id, number and text, in the order they arrived."""
        self.callbacks: list[str] = []
        """Where each of them wants its status told."""
        self.opted_out: set[str] = set()
        self.heard: list[int] = []
        """How its callbacks were answered."""

    async def take(self, got: Got) -> Reply:
        """Send it to the customer."""
        if got.headers.get("authorization") != self._proof:
            return _refusal(401, 20003)
        if got.path != f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json":
            return _refusal(404, 20404)
        form = dict(parse_qsl(got.body.decode()))
        fault = self._fault(form)
        if fault is not None:
            return _refusal(400, fault)
        sid = f"SM{len(self.received):032d}"
        self.received.append((sid, form["To"], form["Body"]))
        self.callbacks.append(form.get("StatusCallback", ""))
        return Reply(201, json.dumps({"sid": sid, "status": "queued", "num_segments": "1"}).encode())

    def _fault(self, form: dict[str, str]) -> int | None:
        """The code of what is wrong with it."""
        to = form.get("To", "")
        if not form.get("From") or not to.startswith("+"):
            return 21211
        if not form.get("Body"):
            return 21602
        if len(form["Body"]) > TEXT_MAX:
            return 21617
        return 21610 if to in self.opted_out else None

    async def tells(self, status: str, *, times: int = 1, **more: str) -> None:
        """Post a status of the newest message to where it wants it, signed."""
        sid, to, _ = self.received[-1]
        form = {"MessageSid": sid, "MessageStatus": status, "To": to, "AccountSid": ACCOUNT} | more
        for _ in range(times):
            await self.posts(self.callbacks[-1], form)

    async def posts(self, url: str, form: dict[str, str]) -> None:
        """A signed request to a webhook."""
        text = url + "".join(name + form[name] for name in sorted(form))
        signature = base64.b64encode(hmac.digest(self._token.encode(), text.encode(), "sha1")).decode()
        headers = {"x-twilio-signature": signature, "content-type": "application/x-www-form-urlencoded"}
        async with httpx.AsyncClient(timeout=10) as client:
            answer = await client.post(url, content=urlencode(form), headers=headers)
        self.heard.append(answer.status_code)

    # --- misbehaviour ------------------------------------------------------------------------------------------------

    async def takes_twice(self, got: Got) -> Reply:
        """Sends it twice, as has happened."""
        await self.take(got)
        return await self.take(got)

    def tells_first(self, *statuses: str) -> Behaviour:
        """Takes it, and tells what became of it, each twice, before it answers."""

        async def behave(got: Got) -> Reply:
            reply = await self.take(got)
            for status in statuses:
                await self.tells(status, times=2)
            return reply

        return behave

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
