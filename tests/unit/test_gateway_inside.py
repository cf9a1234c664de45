"""What a service that strangers reach tells of its inside: probes to everybody, the rest to us."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from services.gateway.config import Config
from shared import ops
from shared.identity import Identity, operator, sign
from shared.service import Runtime, Service
from tests.desk import KEY

INSIDE = ("/metrics", "/internal/settings")


def now() -> datetime:
    """Read when it is used: an identity lapses within a minute, and a run of all tests takes longer."""
    return datetime.now(UTC)


def asked(*, host: str = "0.0.0.0", public: bool = True, key: str = KEY) -> httpx.ASGITransport:
    """A process that listens there, and is asked from this machine."""
    pool: Any = None
    service = Service(name="gateway", config=Config, public=public)
    runtime = Runtime(service, Config(host=host, key=key), pool=pool)
    return httpx.ASGITransport(runtime.app, client=("127.0.0.1", 1))


async def status(transport: httpx.ASGITransport, path: str, headers: dict[str, str] | None = None) -> int:
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return (await client.get(path, headers=headers)).status_code


@pytest.mark.parametrize("path", INSIDE)
async def test_strangers_are_told_nothing_of_the_inside(path: str) -> None:
    assert await status(asked(), path) == 404


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_are_answered_to_everybody(path: str) -> None:
    assert await status(asked(), path) in (200, 503)


@pytest.mark.parametrize("path", INSIDE)
async def test_an_operators_command_is_answered(path: str) -> None:
    assert await status(asked(), path, operator(KEY, now())) == 200
    assert await status(asked(key=f"another,{KEY}"), path, operator(KEY, now())) == 200


@pytest.mark.parametrize("path", INSIDE)
async def test_another_identity_or_a_key_that_is_not_ours_opens_nothing(path: str) -> None:
    admin = sign(Identity("user/1", "admin", "main"), KEY, now())
    assert await status(asked(), path, {"authorization": f"Bearer {admin}"}) == 404
    assert await status(asked(), path, operator("not-ours-and-long-enough-to-sign", now())) == 404
    assert await status(asked(key=""), path, {"authorization": "Bearer x"}) == 404


@pytest.mark.parametrize("path", INSIDE)
async def test_on_one_machine_it_is_answered_unless_a_proxy_stands_between(path: str) -> None:
    assert await status(asked(host="127.0.0.1"), path) == 200
    assert await status(asked(host="127.0.0.1"), path, {"x-forwarded-for": "1.2.3.4"}) == 404


@pytest.mark.parametrize("path", INSIDE)
async def test_a_service_that_only_we_reach_answers(path: str) -> None:
    assert await status(asked(public=False), path) == 200


def test_an_ops_port_is_off_unless_it_is_named() -> None:
    assert Config().ops_port == 0
    assert {"/healthz", "/readyz"} == ops.PROBES
