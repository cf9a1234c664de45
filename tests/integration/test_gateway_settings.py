"""Settings over the gateway's API: versions, validation, secrets that stay secret, and the record of each change."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.settings import KINDS, Account
from shared.secrets import open_secret
from tests.desk import KEY
from tests.eventually import eventually
from tests.integration.gateways import Gateway, start_gateway, stop_gateway
from tests.stack import Stack

SECRET = "a webhook secret nobody may see"


@pytest.fixture(scope="module")
def gateway(stack: Stack) -> Iterator[Gateway]:
    running = start_gateway(stack)
    yield running
    stop_gateway(running)


async def published(gateway: Gateway) -> list[dict[str, Any]]:
    """Every record on the topic settings now."""
    partition = TopicPartition(gateway.desk.prefix + "settings", 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=gateway.desk.stack.kafka.bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        await consumer.seek_to_beginning(partition)
        found: list[dict[str, Any]] = []
        while await consumer.position(partition) < end:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += [json.loads(record.value) for record in records]
        return found
    finally:
        await consumer.stop()


async def records_of(gateway: Gateway, subject: str, count: int) -> list[dict[str, Any]]:
    """The records of a document, once there are `count`."""

    async def enough() -> list[dict[str, Any]]:
        found = [record for record in await published(gateway) if record["subject"] == subject]
        return found if len(found) >= count else []

    return await eventually(enough, what=f"{count} records of {subject}")


async def test_a_saved_document_is_read_back_with_every_default_and_its_version_as_etag(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        saved = await admin.put("/v1/settings/shop/north", json={"name": "North"})
        read = await admin.get("/v1/settings/shop/north")
    assert saved.status_code == 201
    assert saved.json()["changed"] is True
    assert read.json()["document"] == {"name": "North", "zone": "UTC"}
    assert read.headers["etag"] == '"1"' == saved.headers["etag"]


async def test_the_same_document_again_keeps_the_version_and_says_nothing_to_anybody(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        await admin.put("/v1/settings/team/same", json={"name": "Same"})
        again = await admin.put("/v1/settings/team/same", json={"name": "Same"})
        await admin.put("/v1/settings/team/after", json={"name": "After"})
    assert (again.status_code, again.json()["changed"], again.json()["version"]) == (200, False, 1)
    await records_of(gateway, "team/after", 1)
    assert len(await records_of(gateway, "team/same", 1)) == 1


async def test_each_change_is_a_record_with_the_documents_version_and_an_id_of_its_own(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        for name in ("One", "Two"):
            await admin.put("/v1/settings/team/changing", json={"name": name})
        deleted = await admin.delete("/v1/settings/team/changing")
    records = await records_of(gateway, "team/changing", 3)
    assert deleted.status_code == 204
    assert [record["version"] for record in records] == [1, 2, 3]
    assert [record["data"]["deleted"] for record in records] == [False, False, True]
    assert len({record["id"] for record in records}) == 3


async def test_a_deleted_document_is_gone_and_comes_back_with_the_next_version(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        await admin.put("/v1/settings/team/back", json={"name": "Back"})
        await admin.delete("/v1/settings/team/back")
        gone = await admin.get("/v1/settings/team/back")
        again = await admin.put("/v1/settings/team/back", json={"name": "Back"})
    assert gone.status_code == 404
    assert (again.status_code, again.json()["version"]) == (201, 3)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_change_is_refused_where_the_document_was_changed_since_it_was_read(
    gateway: Gateway, method: str
) -> None:
    path = f"/v1/settings/team/raced-{method.lower()}"
    async with gateway.client() as admin:
        await admin.put(path, json={"name": "One"})
        await admin.put(path, json={"name": "Two"})
        body = {"json": {"name": "Three"}} if method == "PUT" else {}
        refused = await admin.request(method, path, headers={"if-match": '"1"'}, **body)
        taken = await admin.request(method, path, headers={"if-match": '"2"'}, **body)
    assert refused.status_code == 412
    assert "version 2" in refused.json()["detail"]
    assert taken.status_code in (200, 204)


async def test_writers_at_the_same_time_make_versions_without_gap_or_double(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        answers = await asyncio.gather(
            *(admin.put("/v1/settings/team/busy", json={"name": f"Writer {n}"}) for n in range(20))
        )
    assert sorted(answer.json()["version"] for answer in answers) == list(range(1, 21))
    versions = [record["version"] for record in await records_of(gateway, "team/busy", 20)]
    assert versions == list(range(1, 21))


async def test_a_wrong_field_is_named_with_its_place_and_reason(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        answer = await admin.put(
            "/v1/settings/agent/ada", json={"name": "Ada", "skills": [{"skill": "refunds", "level": 9}], "capcity": 3}
        )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    errors = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
    assert "less than or equal to 5" in errors["/skills/0/level"]
    assert "not permitted" in errors["/capcity"]


async def test_what_is_not_there_yet_is_a_warning_and_the_document_is_saved(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        answer = await admin.put("/v1/settings/agent/eve", json={"name": "Eve", "team": "nowhere"})
    assert answer.status_code == 201
    assert answer.json()["warnings"] == [
        {"pointer": "/team", "detail": "there is no team nowhere yet; what needs it waits"}
    ]


async def test_a_dry_run_says_what_would_change_and_changes_nothing(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        answer = await admin.put("/v1/settings/shop/dry", json={"name": "Dry"}, params={"dry_run": True})
        read = await admin.get("/v1/settings/shop/dry")
    assert (answer.status_code, answer.json()["changed"]) == (200, True)
    assert read.status_code == 404


async def test_a_secret_is_sealed_for_the_services_and_shown_to_nobody(gateway: Gateway) -> None:
    account = {"channel": "http", "shop": "north", "secrets": [{"value": SECRET}]}
    async with gateway.client() as admin:
        saved = await admin.put("/v1/settings/account/sealed-form", json=account)
        read = await admin.get("/v1/settings/account/sealed-form")
        listed = await admin.get("/v1/settings/account")
    (record,) = await records_of(gateway, "account/sealed-form", 1)
    kept = Account.model_validate(record["data"]["document"])
    assert open_secret(kept.secrets[0], KEY) == SECRET
    token = kept.secrets[0].sealed or ""
    for answer in (saved, read, listed):
        assert SECRET not in answer.text
        assert token not in answer.text
    assert SECRET not in json.dumps(record)
    log = (gateway.desk.directory / "gateway.log").read_text()
    assert SECRET not in log


async def test_the_same_secret_again_is_no_change_and_a_shown_document_may_be_sent_back(gateway: Gateway) -> None:
    account = {"channel": "http", "shop": "north", "secrets": [{"value": SECRET}]}
    async with gateway.client() as admin:
        await admin.put("/v1/settings/account/steady-form", json=account)
        again = await admin.put("/v1/settings/account/steady-form", json=account)
        shown = (await admin.get("/v1/settings/account/steady-form")).json()["document"]
        back = await admin.put("/v1/settings/account/steady-form", json=shown)
        rotated = {**shown, "secrets": [{"value": "the next secret of the form"}, *shown["secrets"]]}
        rotation = await admin.put("/v1/settings/account/steady-form", json=rotated)
    assert again.json()["changed"] is False
    assert back.json()["changed"] is False
    assert rotation.json()["version"] == 2
    record = (await records_of(gateway, "account/steady-form", 2))[-1]
    kept = Account.model_validate(record["data"]["document"])
    assert [open_secret(secret, KEY) for secret in kept.secrets] == ["the next secret of the form", SECRET]


async def test_an_admin_cannot_point_a_secret_at_the_machines_variables_but_the_installation_can(
    gateway: Gateway,
) -> None:
    account = {"channel": "http", "shop": "north", "secrets": [{"env": "FORM_SECRET"}]}
    async with gateway.client() as admin, gateway.client(gateway.installation_key, "main") as installation:
        refused = await admin.put("/v1/settings/account/env-form", json=account)
        taken = await installation.put("/v1/settings/account/env-form", json=account)
        kept = await admin.put("/v1/settings/account/env-form", json={**account, "name": "Renamed"})
        ours = {**account, "secrets": [{"env": "SWITCHBOARD_KEY"}]}
        never = await installation.put("/v1/settings/account/env-form", json=ours)
    assert (refused.status_code, taken.status_code, kept.status_code) == (403, 201, 200)
    assert never.status_code == 422
    assert never.json()["errors"][0]["pointer"] == "/secrets/0"


async def test_an_accounts_id_belongs_to_one_workspace_of_the_installation_for_good(gateway: Gateway) -> None:
    account = {"channel": "http", "shop": "north"}
    async with gateway.client() as admin, gateway.client(gateway.installation_key) as installation:
        await admin.put("/v1/settings/account/taken-form", json=account)
        await admin.delete("/v1/settings/account/taken-form")
        await installation.post("/v1/workspaces", json={"id": "rival", "name": "Rival"})
        installation.headers["switchboard-workspace"] = "rival"
        refused = await installation.put("/v1/settings/account/taken-form", json=account)
    assert refused.status_code == 409


async def test_documents_of_a_kind_come_in_pages(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        for number in range(5):
            await admin.put(f"/v1/settings/skill/page-{number}", json={"name": f"Skill {number}"})
        seen, cursor = [], None
        while True:
            params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await admin.get("/v1/settings/skill", params=params)).json()
            seen += [item["id"] for item in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
    assert seen == [f"page-{number}" for number in range(5)]


async def test_every_kind_tells_the_schema_of_its_documents(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        kinds = (await admin.get("/v1/settings")).json()["items"]
    assert [kind["kind"] for kind in kinds] == list(KINDS)
    assert all(kind["document_schema"]["type"] == "object" for kind in kinds)


async def test_a_workspace_sees_nothing_of_another(gateway: Gateway) -> None:
    async with gateway.client(gateway.installation_key) as installation, gateway.client() as admin:
        await installation.post("/v1/workspaces", json={"id": "apart", "name": "Apart"})
        await installation.put(
            "/v1/settings/team/theirs", json={"name": "Theirs"}, headers={"switchboard-workspace": "apart"}
        )
        alone = await admin.get("/v1/settings/team/theirs")
        theirs = await admin.put("/v1/settings/workspace/apart", json={"name": "Ours now"})
    assert alone.status_code == 404
    assert theirs.status_code == 404


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"{", 400),
        (b"[]", 422),
        (b'{"name": 3}', 422),
        (b'{"name": "a\\u0000b"}', 400),
        (b'{"name": "\\ud800"}', 400),
        (b'{"name": ' + b"[" * 5000 + b"]" * 5000 + b"}", 400),
        (b'{"name": "' + b"x" * (1024 * 1024) + b'"}', 413),
        (b'{"name": "caf\xe9"}', 400),
    ],
)
async def test_a_body_that_is_no_document_is_refused_with_a_problem(
    gateway: Gateway, content: bytes, status: int
) -> None:
    async with gateway.client() as admin:
        answer = await admin.put(
            "/v1/settings/shop/broken", content=content, headers={"content-type": "application/json"}
        )
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_was_done_leaves_every_invariant_in_place(gateway: Gateway) -> None:
    code, output = await gateway.desk.run("services.gateway", "verify")
    assert (code, output) == (0, "")


async def test_verify_names_a_document_that_is_not_what_its_history_says(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        await admin.put("/v1/settings/team/tampered", json={"name": "One"})
    connection = await gateway.desk.connect("gateway")
    change = "update settings set document = $1 where id = 'tampered'"
    try:
        await connection.execute(change, '{"name": "Two", "nme": 1}')
        code, output = await gateway.desk.run("services.gateway", "verify")
        await connection.execute(change, '{"name": "One"}')
    finally:
        await connection.close()
    found = [json.loads(line) for line in output.splitlines()]
    assert code == 1
    assert {violation["subject"] for violation in found} == {"main/team/tampered"}
    assert {violation["invariant"] for violation in found} == {
        "a document is the newest version of its history",
        "a document is valid for its kind",
    }
