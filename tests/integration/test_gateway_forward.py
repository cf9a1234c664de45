"""What the gateway hands on, to whom and with what; an owner on a real socket tells what came to it."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from shared.http import read_body
from shared.identity import verify
from tests.desk import KEY, free_port
from tests.integration.gateways import Gateway, start_gateway, stop_gateway
from tests.stack import Stack


async def owner(scope: Scope, receive: Receive, send: Send) -> None:
    """An owner of tickets that answers what it was asked, as the gateway asked it."""
    body = await read_body(receive, scope, 2 * 1024 * 1024)
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    path = scope["path"]
    if path == "/v1/tickets/slow/state":
        await asyncio.sleep(30)
    answer = {
        "method": scope["method"],
        "path": path,
        "query": scope["query_string"].decode(),
        "headers": headers,
        "body": body.decode(),
    }
    told = [
        (b"content-type", b"application/json"),
        (b"etag", b'"7"'),
        (b"connection", b"x-private"),
        (b"x-private", b"1"),
    ]
    status = 409 if path == "/v1/tickets/refused" else 200
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


@dataclass
class Desk:
    """A gateway whose tickets are answered by `owner` and whose routing is down."""

    gateway: Gateway
    agent_key: str


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    port, nobody = free_port(), free_port()
    server = uvicorn.Server(uvicorn.Config(owner, port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    urls = {"tickets": f"http://127.0.0.1:{port}", "routing": f"http://127.0.0.1:{nobody}"}
    gateway = start_gateway(stack, {"SWITCHBOARD_URLS": json.dumps(urls), "SWITCHBOARD_FORWARD_TIMEOUT_S": "1"})
    agent = stack.run(gateway.make_key("agent", agent="ada", shops=["north"]))
    yield Desk(gateway, agent)
    stop_gateway(gateway)
    server.should_exit = True
    thread.join(10)


async def test_a_request_reaches_its_owner_with_everything_that_is_the_callers_to_say(desk: Desk) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"idempotency-key": "k-1", "if-match": '"3"', "traceparent": trace, "accept-language": "nl"}
    async with desk.gateway.client(desk.agent_key) as agent:
        answer = await agent.post(
            "/v1/tickets/42/state", params={"a": "1 2", "b": "ü"}, json={"text": "Hoi"}, headers=headers
        )
    came = answer.json()
    assert answer.status_code == 200
    assert answer.headers["etag"] == '"7"'
    assert (came["method"], came["path"], came["query"]) == ("POST", "/v1/tickets/42/state", "a=1+2&b=%C3%BC")
    assert json.loads(came["body"]) == {"text": "Hoi"}
    assert {name: came["headers"][name] for name in headers if name != "traceparent"} == {
        name: value for name, value in headers.items() if name != "traceparent"
    }
    assert came["headers"]["traceparent"].split("-")[1] == trace.split("-")[1]
    assert came["headers"]["traceparent"] != trace


async def test_an_owner_is_told_who_asks_by_a_signed_identity_and_never_sees_the_callers_key(desk: Desk) -> None:
    private = {"cookie": "a=b", "x-forwarded-for": "1.2.3.4", "x-identity": "admin", "te": "trailers"}
    async with desk.gateway.client(desk.agent_key) as agent:
        answer = await agent.get("/v1/tickets", headers=private)
    came = answer.json()["headers"]
    identity = verify(came["authorization"].removeprefix("Bearer "), KEY)
    assert (identity.role, identity.workspace, identity.agent, identity.shops) == ("agent", "main", "ada", ("north",))
    assert desk.agent_key not in json.dumps(came)
    assert not set(private) & set(came)


async def test_headers_of_the_owners_connection_stay_behind(desk: Desk) -> None:
    async with desk.gateway.client(desk.agent_key) as agent:
        answer = await agent.get("/v1/tickets")
    assert "x-private" not in answer.headers
    assert len(answer.headers.get_list("date")) == 1


async def test_an_owners_refusal_comes_back_as_it_is(desk: Desk) -> None:
    async with desk.gateway.client(desk.agent_key) as agent:
        answer = await agent.get("/v1/tickets/refused")
    assert (answer.status_code, answer.json()["path"]) == (409, "/v1/tickets/refused")


async def test_an_owner_that_is_down_is_a_503_that_says_when_to_ask_again(desk: Desk) -> None:
    started = time.monotonic()
    async with desk.gateway.client(desk.agent_key) as agent:
        answer = await agent.get("/v1/queue")
        working = await agent.get("/v1/tickets")
    assert (answer.status_code, working.status_code) == (503, 200)
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"
    assert "routing" in answer.json()["detail"]
    assert time.monotonic() - started < 5


async def test_an_owner_whose_address_is_not_known_is_a_503_too(desk: Desk) -> None:
    async with desk.gateway.client() as admin:
        answer = await admin.get("/v1/quarantine")
    assert answer.status_code == 503
    assert "SWITCHBOARD_URLS" in answer.json()["detail"]


async def test_an_owner_that_does_not_answer_in_time_leaves_the_outcome_open_and_says_so(desk: Desk) -> None:
    async with desk.gateway.client(desk.agent_key) as agent:
        answer = await agent.post("/v1/tickets/slow/state")
    assert answer.status_code == 504
    assert "Idempotency-Key" in answer.json()["detail"]


async def test_a_body_over_the_limit_reaches_nobody(desk: Desk) -> None:
    async def chunks():
        for _ in range(2049):
            yield b"x" * 1024

    async with desk.gateway.client(desk.agent_key) as agent:
        declared = await agent.post("/v1/tickets/1/state", content=b"x" * (1024 * 1024 + 1))
        streamed = await agent.post("/v1/tickets/1/state", content=chunks())
    assert (declared.status_code, streamed.status_code) == (413, 413)


@pytest.mark.parametrize("path", ["/v1/tickets/%2e%2e/keys", "/v1/tickets/..%2Fkeys", "/v1/tickets/a%00b", "/v1/%2fx"])
async def test_an_address_that_could_be_read_in_two_ways_reaches_nobody(desk: Desk, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(desk.gateway.url).port)
    lines = (f"GET {path} HTTP/1.1", "host: x", "connection: close", f"authorization: Bearer {desk.agent_key}", "", "")
    writer.write("\r\n".join(lines).encode())
    head = await reader.readline()
    writer.close()
    assert head.split()[1] == b"404"


async def test_a_broken_traceparent_starts_a_new_trace(desk: Desk) -> None:
    async with desk.gateway.client(desk.agent_key) as agent:
        answer = await agent.get("/v1/tickets", headers={"traceparent": "00-nonsense"})
    assert len(answer.json()["headers"]["traceparent"]) == 55


async def test_a_method_that_an_address_does_not_take_is_refused_with_those_it_takes(desk: Desk) -> None:
    async with desk.gateway.client(desk.agent_key) as agent:
        answer = await agent.delete("/v1/queue")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


async def test_without_a_key_nothing_is_handed_on(desk: Desk) -> None:
    async with httpx.AsyncClient(base_url=desk.gateway.url) as nobody:
        answer = await nobody.get("/v1/tickets")
    assert answer.status_code == 401
