"""While something is away: what needs it is refused clearly, the rest goes on, and all resumes by itself."""

import base64
import json
import resource
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psutil
import pytest

from tests.eventually import eventually
from tests.integration.ingests import Ingest, signed, start_ingest, stop_ingest
from tests.shop import postmark_request, telegram_request
from tests.stack import Stack


@pytest.fixture(scope="module")
def ingest(stack: Stack) -> Iterator[Ingest]:
    running = start_ingest(stack)
    yield running
    stop_ingest(running)


def small() -> dict[str, Any]:
    return signed(json.dumps({"id": uuid4().hex, "sender": {"id": "77"}, "text": "Hello"}).encode())


def with_photo() -> dict[str, Any]:
    photo = base64.b64encode(uuid4().bytes * 100_000).decode()
    return postmark_request("See", "80", {"Attachments": [{"Name": "a.jpg", "Content": photo}]})


async def test_kafka_away_gives_503_within_2_s_and_it_recovers_by_itself(ingest: Ingest) -> None:
    assert (await ingest.send(small())).status_code == 202
    stack = ingest.desk.stack
    await stack.kill_kafka()
    request = small()
    try:
        for _ in range(3):
            started = time.monotonic()
            answer = await ingest.send(request)
            took = time.monotonic() - started
            assert answer.status_code == 503
            assert answer.json()["type"].endswith(":bus_unavailable")
            assert int(answer.headers["retry-after"]) >= 1
            assert took < 4, "promised within 2 s; twice that is the slack of a busy machine"
        assert await ingest.refused("http", "bus_unavailable") >= 3
    finally:
        await stack.start_kafka()

    async def taken() -> list[str]:
        answer = await ingest.send(request)
        return answer.json().get("ids", [])

    (id_,) = await eventually(taken, timeout_s=60, what="the retry taken")
    event, _ = await ingest.message(id_)
    assert event.data.text == "Hello"


async def test_postgres_away_messages_are_taken_also_by_a_fresh_process(ingest: Ingest) -> None:
    stack = ingest.desk.stack
    unreadable = telegram_request("x", "77", {}) | {"json": {"update_id": 9, "from_the_future": {}}}
    await stack.kill_postgres()
    try:
        assert (await ingest.send(small())).status_code == 202
        process = ingest.desk.processes["ingest"]
        process.kill()
        process.start()
        await process.ready()
        assert (await ingest.send(small())).status_code == 202
        quarantined = (await ingest.send(unreadable)).json()["quarantined"]
        async with ingest.owner() as client:
            assert (await client.get("/v1/quarantine")).status_code == 503
    finally:
        await stack.start_postgres()

    async def filed() -> bool:
        async with ingest.owner() as client:
            return (await client.get(f"/v1/quarantine/{quarantined}")).is_success

    await eventually(filed, timeout_s=60, what="what came meanwhile in quarantine")


async def test_a_blob_store_that_is_no_folder_is_named_and_small_messages_go_on(ingest: Ingest) -> None:
    assert (await ingest.send(with_photo())).is_success
    blobs = ingest.desk.directory / "blobs"
    blobs.rename(blobs.with_name("elsewhere"))
    blobs.write_text("a file where the folder was")
    try:
        answer = await ingest.send(with_photo())
        assert answer.status_code == 503, answer.text
        assert answer.json()["type"].endswith(":blobs_unavailable")
        assert "SWITCHBOARD_BLOBS" in answer.json()["detail"]
        assert answer.headers["retry-after"]
        assert (await ingest.send(small())).status_code == 202
    finally:
        blobs.unlink()
        blobs.with_name("elsewhere").rename(blobs)
    assert (await ingest.send(with_photo())).is_success


async def test_a_blob_that_cannot_be_written_whole_is_refused_and_leaves_nothing_half(ingest: Ingest) -> None:
    blobs = ingest.desk.directory / "blobs"
    before = {path for path in blobs.rglob("*") if path.is_file()}
    process = psutil.Process(ingest.desk.processes["ingest"].pid)
    process.rlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
    try:
        answer = await ingest.send(with_photo())
    finally:
        process.rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert answer.status_code == 503, answer.text
    assert answer.json()["type"].endswith(":blobs_unavailable")
    written = {path for path in blobs.rglob("*") if path.is_file()} - before
    assert [path for path in written if "#" not in path.name] == []
    assert (await ingest.send(with_photo())).is_success


async def test_a_secret_that_is_not_there_yet_is_waited_for(ingest: Ingest) -> None:
    secret = ingest.desk.directory / "secret-of-the-till"
    async with ingest.admin() as admin:
        made = await admin.put(
            "/v1/settings/account/till",
            json={"channel": "http", "shop": "bikes", "secrets": [{"value": "for-now-this"}]},
        )
        assert made.is_success
    code, printed = await ingest.desk.run("services.gateway", "bootstrap", "--renew")
    assert code == 0
    installation = json.loads(printed.splitlines()[-1])["installation_key"]
    chosen = {"authorization": f"Bearer {installation}", "switchboard-workspace": "main"}
    async with ingest.admin() as admin:
        document = {"channel": "http", "shop": "bikes", "secrets": [{"file": str(secret)}]}
        saved = await admin.put("/v1/settings/account/till", json=document, headers=chosen)
        assert saved.is_success, saved.text
    await ingest.settled("till", saved.json()["version"])
    body = json.dumps({"id": "1", "sender": {"id": "1"}, "text": "x"}).encode()
    answer = await ingest.send(signed(body, account="till", secret="what-the-file-will-say"))
    assert answer.status_code == 503
    assert answer.json()["type"].endswith(":secret_unavailable")
    assert str(secret) not in answer.text
    secret.write_text("what-the-file-will-say\n")
    again = await ingest.send(signed(body, account="till", secret="what-the-file-will-say"))
    assert again.status_code == 202, again.text
