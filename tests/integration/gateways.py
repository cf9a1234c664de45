"""A real gateway for tests of its API: one process with a database and topics of its own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.desk import Desk
from tests.stack import Stack


@dataclass
class Gateway:
    """A running gateway and the keys that bootstrap printed."""

    desk: Desk
    installation_key: str
    admin_key: str

    @property
    def url(self) -> str:
        """Its address."""
        return self.desk.url("gateway")

    def client(self, key: str | None = None, workspace: str | None = None) -> httpx.AsyncClient:
        """A client with a key: the first admin's unless another is given."""
        headers = {"authorization": f"Bearer {key or self.admin_key}"}
        if workspace is not None:
            headers["switchboard-workspace"] = workspace
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20)

    async def make_key(self, role: str, workspace: str = "main", **more: Any) -> str:
        """A new key of the workspace."""
        async with self.client(self.installation_key, workspace) as installation:
            answer = await installation.post("/v1/keys", json={"role": role, **more})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["key"])


def start_gateway(stack: Stack, more: Mapping[str, str] | None = None) -> Gateway:
    """Migrate, bootstrap and start one; `more` is added to its environment."""
    desk = Desk(stack, stack.run(stack.create_database()), stack.run(stack.create_topics()), more)
    code, output = stack.run(desk.run("services.gateway", "migrate"))
    assert code == 0, output
    code, output = stack.run(desk.run("services.gateway", "bootstrap"))
    assert code == 0, output
    keys = json.loads(output.splitlines()[-1])
    stack.run(desk.start("services.gateway"))
    return Gateway(desk, keys["installation_key"], keys["admin_key"])


def stop_gateway(gateway: Gateway) -> None:
    """Stop it and drop its database."""
    gateway.desk.stop()
    gateway.desk.stack.run(gateway.desk.stack.drop_database(gateway.desk.database))
