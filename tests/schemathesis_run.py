"""schemathesis over a running owner's API: no answer that its OpenAPI document does not promise."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt

from shared.identity import Identity, sign
from tests.desk import KEY

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
)


def lasting_token(workspace: str, agent: str = "anna") -> str:
    """An identity as the gateway signs it, but for longer than one request."""
    now = datetime.now(UTC)
    token = sign(Identity("key-1", "agent", workspace, agent=agent), KEY, now)
    claims = jwt.decode(token, KEY, algorithms=["HS256"], audience="switchboard-internal")
    return jwt.encode(claims | {"exp": now + timedelta(hours=1)}, KEY, algorithm="HS256")


async def no_surprise(url: str, workspace: str, folder: Path, *, examples: int) -> None:
    """Fails with schemathesis' report where an answer breaks the document."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"),
        *("--header", f"Authorization: Bearer {lasting_token(workspace)}"),
        *("--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--seed", "1"),
        *("--max-examples", str(examples), "--no-color"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-6000:]
