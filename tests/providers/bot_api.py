"""Telegram's sendMessage, as far as a bot sees it: no key, so what comes twice is sent twice."""

import json

from tests.providers.web import Behaviour, Got, Reply, WebProvider


class BotApi(WebProvider):
    """Keeps what customers have received."""

    def __init__(self) -> None:
        super().__init__()
        self.received: list[tuple[int, str]] = []
        """Chat and text, in the order they arrived."""

    async def take(self, got: Got) -> Reply:
        """Send it to the customer."""
        chat, text = got.json["chat_id"], got.json["text"]
        self.received.append((chat, text))
        result = {"message_id": 1000 + len(self.received), "date": 1767323045, "chat": {"id": chat, "type": "private"}}
        return Reply(200, json.dumps({"ok": True, "result": result | {"text": text}}).encode())

    def refuses(self, status: int, description: str = "", **parameters: int) -> Behaviour:
        """Answers `ok: false`."""
        said = {"ok": False, "error_code": status, "description": description, "parameters": parameters}
        return self.says(status, json.dumps(said).encode())
