"""The gateway keeps what its OpenAPI document promises, whatever is sent to it."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.gateways import Gateway, start_gateway, stop_gateway
from tests.stack import Stack

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
    "ignored_auth",
)


@pytest.fixture(scope="module")
def gateway(stack: Stack) -> Iterator[Gateway]:
    running = start_gateway(stack)
    yield running
    stop_gateway(running)


@pytest.mark.parametrize("role", ["admin", "installation"])
async def test_no_request_gets_an_answer_that_the_document_does_not_promise(
    gateway: Gateway, role: str, tmp_path: Path, long_run: bool
) -> None:
    if role == "admin" and not long_run:
        pytest.skip("the installation key reaches every route; the admin's turn comes with --long")
    key = gateway.admin_key if role == "admin" else gateway.installation_key
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{gateway.url}/openapi.json"),
        *("--header", f"Authorization: Bearer {key}", "--header", "Switchboard-Workspace: main"),
        *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--seed", "1"),
        *("--exclude-path", "/v1/stream"),  # it does not end
        *("--max-examples", "200" if long_run else "15", "--no-color"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-6000:]
