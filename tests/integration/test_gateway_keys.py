"""API keys and workspaces over the API, the commands that make the first ones, and the one that mends a restore."""

import json
from collections.abc import Iterator

import pytest
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import TopicPartition

from tests.eventually import eventually
from tests.integration.gateways import Gateway, start_gateway, stop_gateway
from tests.integration.test_gateway_settings import published, records_of
from tests.stack import Stack


@pytest.fixture(scope="module")
def gateway(stack: Stack) -> Iterator[Gateway]:
    running = start_gateway(stack)
    yield running
    stop_gateway(running)


async def test_a_made_key_works_at_once_and_its_secret_is_never_seen_again(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        made = await admin.post("/v1/keys", json={"role": "agent", "agent": "ada", "label": "Ada's"})
        listed = await admin.get("/v1/keys")
    key = made.json()["key"]
    async with gateway.client(key) as agent:
        who = (await agent.get("/v1/whoami")).json()
    assert made.status_code == 201
    assert (who["role"], who["workspace"], who["agent"]) == ("agent", "main", "ada")
    assert made.json()["id"] in [item["id"] for item in listed.json()["items"]]
    assert key not in listed.text
    assert key.rpartition("_")[2] not in (gateway.desk.directory / "gateway.log").read_text()


async def test_a_revoked_key_is_refused_at_once(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        made = (await admin.post("/v1/keys", json={"role": "integrator"})).json()
        async with gateway.client(made["key"]) as program:
            before = await program.get("/v1/whoami")
            revoked = await admin.delete(f"/v1/keys/{made['id']}")
            after = await program.get("/v1/whoami")
        again = await admin.delete(f"/v1/keys/{made['id']}")
    assert (before.status_code, revoked.status_code, after.status_code) == (200, 204, 401)
    assert after.headers["www-authenticate"] == "Bearer"
    assert again.status_code == 404


async def test_a_guessed_secret_behind_a_real_id_is_refused_like_an_unknown_key(gateway: Gateway) -> None:
    id_ = gateway.admin_key.split("_")[1]
    answers = []
    for key in (f"sb_{id_}_{'0' * 64}", f"sb_{'0' * 16}_{'0' * 64}"):
        async with gateway.client(key) as guesser:
            answers.append(await guesser.get("/v1/whoami"))
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()


async def test_no_role_does_what_the_table_does_not_name_it_for(gateway: Gateway) -> None:
    async with gateway.client(await gateway.make_key("agent", agent="ada")) as agent:
        keys = await agent.get("/v1/keys")
        put = await agent.put("/v1/settings/team/first", json={"name": "First"})
        workspace = await agent.post("/v1/workspaces", json={"id": "mine", "name": "Mine"})
    assert [keys.status_code, put.status_code, workspace.status_code] == [403, 403, 403]
    assert "role" in keys.json()["detail"]


async def test_an_admin_makes_no_installation_key_and_no_key_for_another_workspace(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        refused = await admin.post("/v1/keys", json={"role": "installation"})
        other = await admin.post(
            "/v1/keys", json={"role": "admin"}, headers={"switchboard-workspace": "somewhere-else"}
        )
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/role"
    assert other.status_code == 403


async def test_an_installation_key_makes_a_workspace_and_chooses_it_by_a_header(gateway: Gateway) -> None:
    async with gateway.client(gateway.installation_key) as installation:
        made = await installation.post("/v1/workspaces", json={"id": "second", "name": "Second"})
        twice = await installation.post("/v1/workspaces", json={"id": "second", "name": "Second"})
        without = await installation.put("/v1/settings/team/first", json={"name": "First"})
        nowhere = await installation.get("/v1/settings/team", headers={"switchboard-workspace": "nowhere"})
        listed = await installation.get("/v1/workspaces")
    assert (made.status_code, twice.status_code, without.status_code, nowhere.status_code) == (201, 409, 422, 404)
    assert "Switchboard-Workspace" in without.json()["detail"]
    assert {"main", "second"} <= {item["id"] for item in listed.json()["items"]}


async def test_the_installation_makes_a_workspace_by_saving_its_document_too(gateway: Gateway) -> None:
    document = {"name": "Third"}
    async with gateway.client(gateway.installation_key, "third") as installation:
        made = await installation.put("/v1/settings/workspace/third", json=document)
        again = await installation.put("/v1/settings/workspace/third", json=document)
        inside = await installation.put("/v1/settings/team/first", json={"name": "First"})
        misnamed = await installation.put("/v1/settings/workspace/fourth", json=document)
    assert (made.status_code, again.status_code, inside.status_code, misnamed.status_code) == (201, 200, 201, 404)


async def test_the_keys_of_a_deleted_workspace_open_nothing(gateway: Gateway) -> None:
    async with gateway.client(gateway.installation_key) as installation:
        await installation.post("/v1/workspaces", json={"id": "closing", "name": "Closing"})
        key = await gateway.make_key("admin", "closing")
        await installation.delete("/v1/settings/workspace/closing", headers={"switchboard-workspace": "closing"})
    async with gateway.client(key) as admin:
        refused = await admin.get("/v1/settings/team")
    assert refused.status_code == 403
    assert "deleted" in refused.json()["detail"]


async def test_bootstrap_makes_the_first_keys_once_and_replaces_lost_ones_when_asked(stack: Stack) -> None:
    fresh = start_gateway(stack)
    try:
        _, again = await fresh.desk.run("services.gateway", "bootstrap")
        _, renewed = await fresh.desk.run("services.gateway", "bootstrap", "--renew")
        told = json.loads(renewed)
        async with fresh.client(told["admin_key"]) as new, fresh.client(fresh.installation_key) as old:

            async def old_is_refused() -> bool:
                return (await old.get("/v1/whoami")).status_code == 401

            works = await new.get("/v1/whoami")
            await eventually(old_is_refused, what="the end of the old key")
    finally:
        stop_gateway(fresh)
    first = json.loads(again)
    assert (first["installation_key"], first["admin_key"], first["workspace"]) == (None, None, "main")
    assert "--renew" in first["note"]
    assert works.json()["role"] == "admin"


async def test_republish_sends_what_the_topic_lost_and_takes_back_what_the_database_lost(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        for name in ("lost-record", "lost-change", "split"):
            await admin.put(f"/v1/settings/team/{name}", json={"name": "One"})
        await records_of(gateway, "team/split", 1)
        await _forget_records(gateway)
        for name in ("lost-change", "split"):
            await admin.put(f"/v1/settings/team/{name}", json={"name": "Two"})
        await records_of(gateway, "team/split", 1)
        database = await gateway.desk.connect("gateway")
        await database.execute("delete from settings_history where id = 'lost-change' and version = 2")
        await database.execute(
            """update settings set version = 1, document = '{"name": "One"}' where id = 'lost-change'"""
        )
        for table in ("settings", "settings_history"):
            await database.execute(
                f"""update {table} set document = '{{"name": "Three"}}' where id = 'split' and version = 2"""
            )
        await database.close()

        code, output = await gateway.desk.run("services.gateway", "republish")
        done = json.loads(output)
        assert code == 0
        assert (done["taken_back"], done["renumbered"]) == (1, 1)
        assert (await records_of(gateway, "team/lost-record", 1))[-1]["data"]["document"] == {"name": "One"}
        assert (await records_of(gateway, "team/split", 2))[-1]["version"] == 3
        back = (await admin.get("/v1/settings/team/lost-change")).json()
        assert (back["version"], back["document"]) == (2, {"name": "Two"})

    _, again = await gateway.desk.run("services.gateway", "republish")
    assert json.loads(again)["sent"] == 0
    assert await gateway.desk.run("services.gateway", "verify") == (0, "")


async def _forget_records(gateway: Gateway) -> None:
    """Lose everything that is on the topic now."""
    partition = TopicPartition(gateway.desk.prefix + "settings", 0)
    admin = AIOKafkaAdminClient(bootstrap_servers=gateway.desk.stack.kafka.bootstrap)
    await admin.start()
    try:
        await admin.alter_configs([_deletable(partition.topic)])
        await admin.delete_records({partition: RecordsToDelete(before_offset=-1)})
    finally:
        await admin.close()
    assert await published(gateway) == []


def _deletable(topic: str) -> object:
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    return ConfigResource(ConfigResourceType.TOPIC, topic, {"cleanup.policy": "delete", "retention.ms": "-1"})
