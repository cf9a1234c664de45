"""What customers' programs answer on: a bot's platform that takes sendMessage, and a form's callback that is signed."""

import hmac
import json
import time
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from switchboard.seed.customers.people import People
from switchboard.seed.ways_out import bot_token

TOLERANCE_S = 300


class Web:
    """Both of them, with what they prove requests by."""

    def __init__(self, people: People, secret: str) -> None:
        self._people = people
        self._secret = secret
        self._sent = 0

    def app(self) -> Starlette:
        """The table of its addresses."""
        return Starlette(
            routes=[
                Route("/healthz", self.health),
                Route("/callback/{account}", self.callback, methods=["POST"]),
                Route("/bots/{account}/bot{token}/sendMessage", self.send_message, methods=["POST"]),
            ]
        )

    async def health(self, _request: Request) -> Response:
        """It listens."""
        return Response()

    async def callback(self, request: Request) -> Response:
        """An answer for the form's page: our signature proves it, the key tells one that came before."""
        body = await request.body()
        if not self._signed(request, body):
            return Response(status_code=401)
        said = _object(body)
        try:
            key = request.headers["idempotency-key"]
            self._people.got(request.path_params["account"], str(said["recipient"]["value"]), str(said["text"]), key)
        except (KeyError, TypeError):
            return Response(status_code=422)
        return JSONResponse({})

    def _signed(self, request: Request, body: bytes) -> bool:
        stamp = request.headers.get("switchboard-timestamp", "")
        if not (stamp.isascii() and stamp.isdigit()) or abs(time.time() - int(stamp)) > TOLERANCE_S:
            return False
        wanted = hmac.digest(self._secret.encode(), stamp.encode() + b"." + body, "sha256").hex()
        given = request.headers.get("switchboard-signature", "").split(",")
        return any(hmac.compare_digest(f"v1={wanted}".encode(), one.strip().encode()) for one in given)

    async def send_message(self, request: Request) -> Response:
        """A message of the bot, as https://core.telegram.org/bots/api#sendmessage has it."""
        token = str(request.path_params["token"])
        if not hmac.compare_digest(token.encode(), bot_token(self._secret).encode()):
            return _refused(401, "Unauthorized")
        said = _object(await request.body())
        if "chat_id" not in said or not said.get("text"):
            return _refused(400, "Bad Request: message text is empty")
        chat, text = said["chat_id"], str(said["text"])
        self._sent += 1
        number = int(time.time() * 1000) + self._sent
        self._people.got(request.path_params["account"], str(chat), text, key=f"{chat}:{number}")
        message = {
            "message_id": number,
            "date": int(time.time()),
            "chat": {"id": chat, "type": "private"},
            "text": text,
        }
        return JSONResponse({"ok": True, "result": message})


def _refused(status: int, words: str) -> Response:
    return JSONResponse({"ok": False, "error_code": status, "description": words}, status_code=status)


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
