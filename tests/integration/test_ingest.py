"""The accept path on a real desk: what is taken, what it becomes on the bus, and what cannot be read."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.ingest.main import SERVICE
from shared.contracts.envelope import MAX_RECORD_BYTES
from shared.ids import inbound_id
from tests.eventually import eventually
from tests.integration.ingests import ACCOUNTS, OTHER_SECRET, Ingest, signed, start_ingest, stop_ingest
from tests.shop import BOT, SECRET, WORKSPACE, http_request, postmark_request, telegram_request
from tests.stack import Stack

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def ingest(stack: Stack) -> Iterator[Ingest]:
    running = start_ingest(stack)
    yield running
    stop_ingest(running)


def form(**more: Any) -> bytes:
    return json.dumps({"id": uuid4().hex, "sender": {"id": "77"}, "text": "Hello"} | more).encode()


def not_understood() -> dict[str, Any]:
    """An update of a kind that Telegram does not have yet."""
    request = telegram_request("x", "77", {})
    return request | {"json": {"update_id": uuid4().int % 2**50, "from_the_future": {"id": 1}}}


async def quarantine(ingest: Ingest, id_: str) -> dict[str, Any]:
    """The item once our consumer has filed it."""
    async with ingest.owner() as client:

        async def filed() -> dict[str, Any]:
            answer = await client.get(f"/v1/quarantine/{id_}")
            return answer.json() if answer.is_success else {}

        return await eventually(filed, what="the request in quarantine")


@pytest.mark.parametrize("make", [http_request, telegram_request, postmark_request])
async def test_a_message_is_on_the_bus_raw_and_normalised_in_one_trace(ingest: Ingest, make: Any) -> None:
    request = make("Where is my order?", "78", {})
    parent = f"00-{TRACE}-00f067aa0ba902b7-01"
    answer = await ingest.send(request | {"headers": request["headers"] | {"traceparent": parent}})
    assert answer.is_success, answer.text
    assert answer.json()["accepted"] == 1
    (id_,) = answer.json()["ids"]
    event, record = await ingest.message(id_)
    (raw,) = [(e, r) for e, r in await ingest.records("raw-inbound") if str(e.id) == event.data.raw]
    assert event.data.text == "Where is my order?"
    assert (event.workspace, event.shop) == (WORKSPACE, ACCOUNTS[event.data.account]["shop"])
    assert event.id == inbound_id(WORKSPACE, event.data.channel, event.data.account, event.data.natural_id)
    assert record.key == f"{WORKSPACE}/{event.data.channel}/{event.data.account}/{event.data.sender.value}".encode()
    assert raw[1].key == f"{event.data.channel}/{event.data.account}".encode()
    assert raw[0].data.refusal is None
    assert b"Where is my order?" in raw[0].data.body
    assert [event.trace[3:35], raw[0].trace[3:35]] == [TRACE, TRACE]


async def test_no_secret_of_a_request_is_kept(ingest: Ingest) -> None:
    for make in (telegram_request, postmark_request):
        request = make("Hello", "79", {})
        assert (await ingest.send(request | {"headers": request["headers"] | {"cookie": SECRET}})).is_success
    password = base64.b64encode(f"switchboard:{SECRET}".encode())
    for _, record in await ingest.records("raw-inbound"):
        everything = record.value + b"".join(value for _, value in record.headers)
        assert SECRET.encode() not in everything
        assert password not in everything


async def test_a_traceparent_that_is_none_begins_a_new_trace(ingest: Ingest) -> None:
    answer = await ingest.send(signed(form(), traceparent="00-zz-1-1"))
    event, _ = await ingest.message(answer.json()["ids"][0])
    assert event.trace is not None
    assert len(event.trace) == 55


async def test_a_providers_retry_gets_the_same_ids(ingest: Ingest) -> None:
    request = signed(form())
    first, second = await ingest.send(request), await ingest.send(request)
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()


async def test_an_update_that_is_nobodys_words_is_taken_and_makes_no_message(ingest: Ingest) -> None:
    request = telegram_request("x", "77", {})
    answer = await ingest.send(request | {"json": {"update_id": 5, "poll": {"id": "1"}}})
    assert answer.is_success
    assert answer.json() == {"accepted": 0, "ids": [], "ignored": "not-a-message"}


async def test_what_cannot_be_read_is_taken_and_stands_in_quarantine_with_its_reason(ingest: Ingest) -> None:
    request = not_understood()
    answer = await ingest.send(request)
    assert answer.is_success, answer.text
    assert answer.json()["accepted"] == 0
    item = await quarantine(ingest, answer.json()["quarantined"])
    assert (item["channel"], item["account"], item["shop"]) == ("telegram", BOT, "bikes")
    assert item["reason"] == "unknown_update"
    assert json.loads(item["body"]) == request["json"]
    assert item["truncated"] is False
    assert SECRET not in json.dumps(item)


async def test_the_same_unreadable_request_is_filed_once(ingest: Ingest) -> None:
    request = not_understood()
    ids = {(await ingest.send(request)).json()["quarantined"] for _ in range(3)}
    after = await ingest.send(not_understood())
    await quarantine(ingest, after.json()["quarantined"])
    connection = await ingest.desk.connect("ingest")
    (id_,) = ids
    assert await connection.fetchval("select count(*) from quarantine where id = $1::text::uuid", id_) == 1
    await connection.close()


async def test_the_quarantine_is_listed_newest_first_page_by_page(ingest: Ingest) -> None:
    sent = [(await ingest.send(not_understood())).json()["quarantined"] for _ in range(3)]
    for id_ in sent:
        await quarantine(ingest, id_)
    found: list[str] = []
    query: dict[str, Any] | None = {"limit": 2}
    async with ingest.owner("lead") as lead:
        while query is not None:
            page = (await lead.get("/v1/quarantine", params=query)).json()
            found += [item["id"] for item in page["items"]]
            query = {"limit": 2, "cursor": page["next"]} if page["next"] else None
    assert len(found) == len(set(found))
    assert set(found[:3]) == set(sent)


async def test_the_quarantine_is_for_admins_and_leads(ingest: Ingest) -> None:
    for role, status in (("admin", 200), ("lead", 200), ("agent", 403), ("integrator", 403), ("installation", 403)):
        async with ingest.owner(role) as client:
            assert (await client.get("/v1/quarantine")).status_code == status, role


async def test_another_workspace_and_another_shop_see_nothing_of_it(ingest: Ingest) -> None:
    id_ = (await ingest.send(not_understood())).json()["quarantined"]
    await quarantine(ingest, id_)
    for client in (ingest.owner(workspace="elsewhere"), ingest.owner(shops=("bells",))):
        async with client:
            assert (await client.get(f"/v1/quarantine/{id_}")).status_code == 404
            assert id_ not in (await client.get("/v1/quarantine")).text
    async with ingest.owner(shops=("bikes",)) as client:
        assert (await client.get(f"/v1/quarantine/{id_}")).status_code == 200


async def test_verify_misses_nothing_that_stands_in_quarantine(ingest: Ingest) -> None:
    id_ = (await ingest.send(not_understood())).json()["quarantined"]
    await quarantine(ingest, id_)
    connection = await ingest.desk.connect("ingest")
    never = uuid4()
    assert await SERVICE.finds["raw-inbound"](connection, [UUID(id_), never]) == {UUID(id_)}
    await connection.close()


async def test_a_large_mail_goes_to_the_blob_store_with_its_files(ingest: Ingest) -> None:
    photo = bytes(range(256)) * 4096
    file = {"Name": "bike.jpg", "ContentType": "image/jpeg", "Content": base64.b64encode(photo).decode()}
    answer = await ingest.send(postmark_request("See the photo", "80", {"Attachments": [file]}))
    assert answer.is_success, answer.text
    event, record = await ingest.message(answer.json()["ids"][0])
    (attachment,) = event.data.attachments
    assert (attachment.name, attachment.media_type, attachment.size) == ("bike.jpg", "image/jpeg", len(photo))
    blobs = ingest.desk.directory / "blobs"
    assert (blobs / attachment.blob).read_bytes() == photo
    (raw,) = [e for e, _ in await ingest.records("raw-inbound") if str(e.id) == event.data.raw]
    assert raw.data.body == b""
    assert json.loads((blobs / raw.data.blob).read_bytes())["Attachments"] == [file]
    assert len(record.value) < 10_000
    assert "customer80" not in attachment.blob, "an address is no part of a key"
    connection = await ingest.desk.connect("ingest")

    async def minded() -> bool:
        return bool(await connection.fetchval("select true from raw_blobs where key = $1", raw.data.blob))

    await eventually(minded, what="the day the large body goes")
    await connection.close()


async def test_a_long_text_goes_to_the_blob_store_and_its_beginning_on_the_bus(ingest: Ingest) -> None:
    text = "早上好" * 100_000
    answer = await ingest.send(signed(json.dumps({"id": uuid4().hex, "sender": {"id": "7"}, "text": text},
                                                 ensure_ascii=False).encode()))  # fmt: skip
    assert answer.status_code == 202, answer.text
    event, record = await ingest.message(answer.json()["ids"][0])
    assert (ingest.desk.directory / "blobs" / event.data.text_blob).read_text() == text
    assert text.startswith(event.data.text)
    assert event.data.text
    assert len(record.value) < MAX_RECORD_BYTES


async def test_while_a_secret_is_rotated_both_prove_a_request_and_afterwards_one(ingest: Ingest) -> None:
    document = {"channel": "http", "shop": "bikes"}
    old, new = "the-secret-that-was-leaked", "the-secret-that-replaces-it"
    await ingest.put("rotated", document | {"secrets": [{"value": new}, {"value": old}]})
    for secret in (old, new):
        assert (await ingest.send(signed(form(), account="rotated", secret=secret))).status_code == 202
    await ingest.put("rotated", document | {"secrets": [{"value": new}]})
    answers = [await ingest.send(signed(form(), account="rotated", secret=secret)) for secret in (old, new)]
    assert [answer.status_code for answer in answers] == [401, 202]


async def test_accounts_do_not_share_ids(ingest: Ingest) -> None:
    body = form()
    first = await ingest.send(signed(body))
    second = await ingest.send(signed(body, account="other-form", secret=OTHER_SECRET))
    assert first.json()["ids"] != second.json()["ids"]


async def test_nothing_a_customer_writes_is_logged(ingest: Ingest) -> None:
    mark = uuid4().hex
    await ingest.send(signed(form(text=mark)))
    await ingest.send(not_understood() | {"json": {"update_id": 6, mark: {mark: mark}}})
    await ingest.send(signed(b'{"text": "' + mark.encode() + b'"}'))
    await ingest.send(postmark_request(mark, "81", {"FromFull": 5}))
    assert mark not in (ingest.desk.directory / "ingest.log").read_text()
