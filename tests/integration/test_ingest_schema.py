"""Ingest keeps what its OpenAPI document promises, whatever proved senders send and whatever people ask."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared import identity
from shared.channels import CHANNELS
from shared.identity import Identity
from tests.desk import KEY
from tests.integration.ingests import Ingest, start_ingest, stop_ingest
from tests.shop import BOT, FORM, MAILBOX, SECRET, WORKSPACE, postmark_request
from tests.stack import Stack

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
OPERATIONS: list[tuple[str, str, str | None]] = [
    ("/v1/inbound/http/{account}", "POST", FORM),
    ("/v1/inbound/telegram/{account}", "POST", BOT),
    ("/v1/inbound/postmark/{account}", "POST", MAILBOX),
    ("/v1/quarantine", "GET", None),
    ("/v1/quarantine/{id}", "GET", None),
]
OTHERS = [channel for channel in CHANNELS.values() if channel.name not in ("http", "telegram", "postmark")]
"""Each has an account that is called after it."""
for _other in OTHERS:
    _path = f"/v1/inbound/{_other.name}/{{account}}"
    OPERATIONS += [(_path, method, _other.name) for method in ("POST", "GET") if method == "POST" or _other.greet]


@pytest.fixture(scope="module")
def ingest(stack: Stack) -> Iterator[Ingest]:
    running = start_ingest(stack)
    for channel in OTHERS:
        document = {"channel": channel.name, "shop": "bikes", "secrets": [{"value": SECRET}]}
        stack.run(running.put(channel.name, document))
    yield running
    stop_ingest(running)


@pytest.fixture(scope="module")
def document(ingest: Ingest) -> dict[str, Any]:
    code, printed = ingest.desk.stack.run(ingest.desk.run("services.ingest", "openapi"))
    assert code == 0
    return dict(json.loads(printed))


def proofs(body: bytes) -> dict[str, str]:
    """What proves any of the requests: each channel reads its own header."""
    stamp = str(int(time.time()))
    signature = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {
        "switchboard-timestamp": stamp,
        "switchboard-signature": f"v1={signature}",
        "x-telegram-bot-api-secret-token": SECRET,
        "x-hub-signature-256": f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}",
    }


def authorization(path: str) -> str:
    if path.startswith("/v1/inbound/"):
        return str(postmark_request("", "", {})["headers"]["authorization"])
    who = Identity("test", "admin", WORKSPACE)
    return f"Bearer {identity.sign(who, KEY, datetime.now(UTC))}"


def test_every_route_is_in_the_document(document: dict[str, Any]) -> None:
    described = {(path, method.upper()) for path, item in document["paths"].items() for method in item}
    assert described == {(path, method) for path, method, _ in OPERATIONS}


@pytest.mark.parametrize(("path", "method", "account"), OPERATIONS)
def test_no_request_gets_an_answer_that_the_document_does_not_promise(
    ingest: Ingest, document: dict[str, Any], long_run: bool, path: str, method: str, account: str | None
) -> None:
    schema = schemathesis.openapi.from_dict(document)
    operation = schema[path][method]
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    seen: set[int] = set()

    def check(case: Any) -> None:
        if account is not None:
            case.path_parameters = {"account": account}
        given_request = requests.Request(**case.as_transport_kwargs(base_url=ingest.desk.url("ingest"))).prepare()
        body = given_request.body or b""
        given_request.headers.update(proofs(body.encode() if isinstance(body, str) else body))
        given_request.headers["authorization"] = authorization(path)
        with requests.Session() as session:
            answer = session.send(given_request, timeout=20)
        seen.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    for mode in modes:
        fuzzed = given(case=operation.as_strategy(generation_mode=mode))(check)
        settings(
            max_examples=200 if long_run else 25,
            deadline=None,
            database=None,
            derandomize=True,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )(fuzzed)()
    if account == FORM:
        assert {202, 422} <= seen
