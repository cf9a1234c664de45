"""Routing keeps what its OpenAPI document promises, whatever is sent to it."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest

from shared.identity import Identity, sign
from tests.desk import KEY, Desk
from tests.integration.routers import Routing, new_workspace, one_desk, opened
from tests.stack import Stack

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
)


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """Routing alone."""
    yield from one_desk(stack)


@pytest.fixture
async def routing(desk: Desk) -> Routing:
    """A workspace with something in its queue and an agent who is asked."""
    new = new_workspace(desk)
    await new.staff()
    await new.presence("anna")
    await new.publish(*[opened() for _ in range(8)])
    await new.offers("anna", 5)
    return new


def lasting_token(workspace: str) -> str:
    """An identity as the gateway signs it, but for longer than one request."""
    now = datetime.now(UTC)
    token = sign(Identity("key-1", "agent", workspace, agent="anna"), KEY, now)
    claims = jwt.decode(token, KEY, algorithms=["HS256"], audience="switchboard-internal")
    return jwt.encode(claims | {"exp": now + timedelta(hours=1)}, KEY, algorithm="HS256")


async def test_no_request_gets_an_answer_that_the_document_does_not_promise(
    routing: Routing, tmp_path: Path, long_run: bool
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{routing.desk.url('routing')}/openapi.json"),
        *("--header", f"Authorization: Bearer {lasting_token(routing.workspace)}"),
        *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--seed", "1"),
        *("--max-examples", "200" if long_run else "15", "--no-color"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-6000:]
