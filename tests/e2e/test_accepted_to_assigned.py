"""The main job: a customer's message becomes a ticket that an agent was offered, took, and holds, with the reason."""

import json
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from shared.bus import codec
from shared.contracts.topics import TOPICS
from tests.desk import Desk
from tests.eventually import eventually
from tests.shop import WORKSPACE, Shop


async def traces(desk: Desk) -> dict[str, set[str]]:
    """The trace ids that stand on each topic."""
    names = {desk.prefix + name: name for name in TOPICS if name != "settings"}
    consumer = AIOKafkaConsumer(
        *names, bootstrap_servers=desk.stack.kafka.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    found: dict[str, set[str]] = {}
    ends = await consumer.end_offsets(list(consumer.assignment()))
    while any([await consumer.position(partition) < end for partition, end in ends.items()]):
        for records in (await consumer.getmany(timeout_ms=500)).values():
            for record in records:
                trace = codec.trace_of(record.headers)
                found.setdefault(names[record.topic], set()).add(trace[3:35] if trace else "none")
    await consumer.stop()
    return found


@pytest.mark.parametrize("channel", ["http", "telegram", "postmark"])
async def test_a_message_becomes_a_ticket_that_an_agent_takes(shop: Shop, channel: str) -> None:
    anna = shop.agents["anna"]
    await anna.available()
    answer = await shop.say(channel, "Hello, where is my order? It should have been here last week.")
    assert answer.is_success, answer.text

    offer = (await eventually(anna.offers, what="an offer"))[0]
    assert (await anna.accept(offer["id"])).is_success

    async def held() -> list[dict[str, Any]]:
        return [ticket for ticket in await shop.tickets() if ticket["assignee"] == "anna"]

    (ticket,) = await eventually(held, what="the ticket held by anna")
    assert ticket["state"] == "open"
    assert ticket["channel"] == channel

    timeline = (await shop.admin.get(f"/v1/tickets/{ticket['id']}/timeline")).json()["items"]
    said = [entry for entry in timeline if "where is my order" in json.dumps(entry)]
    assert len(said) == 1
    assert "anna" in json.dumps([entry for entry in timeline if entry not in said])

    why = (await shop.admin.get(f"/v1/tickets/{ticket['id']}/routing")).json()
    assert why["agent"] == "anna"
    assert why["decision"]["reason"]

    on_topics = await traces(shop.desk)
    assert {"inbound-messages", "raw-inbound", "ticket-events", "routing-events"} <= set(on_topics)
    hops = [on_topics[name] for name in ("inbound-messages", "raw-inbound", "ticket-events", "routing-events")]
    assert hops == [hops[0]] * 4
    assert len(hops[0]) == 1


async def test_a_declined_offer_goes_to_the_next_agent(shop: Shop) -> None:
    anna, bram = shop.agents["anna"], shop.agents["bram"]
    await anna.available()
    await shop.say("http", "My bike has no bell")
    offer = (await eventually(anna.offers, what="an offer to anna"))[0]
    await bram.available()
    declined = await anna.client.post(f"/v1/offers/{offer['id']}/decline", json={"reason": "busy"})
    assert declined.is_success, declined.text
    assert await eventually(bram.offers, what="an offer to bram")
    assert await anna.offers() == []


async def test_a_second_message_of_the_same_person_joins_the_ticket(shop: Shop) -> None:
    await shop.say("telegram", "Hello", sender="5")
    await shop.say("telegram", "Are you there?", sender="5")

    async def both() -> list[dict[str, Any]]:
        tickets = await shop.tickets()
        if not tickets:
            return []
        timeline = (await shop.admin.get(f"/v1/tickets/{tickets[0]['id']}/timeline")).json()["items"]
        return tickets if "Are you there?" in json.dumps(timeline) else []

    assert len(await eventually(both, what="both messages")) == 1


async def test_a_doubled_webhook_makes_one_message(shop: Shop) -> None:
    more = {"id": "the-same"}
    first = await shop.say("http", "Once only", **more)
    second = await shop.say("http", "Once only", **more)
    assert first.json()["ids"] == second.json()["ids"]
    await shop.say("http", "A later one", sender="78")

    async def two() -> bool:
        return len(await shop.tickets()) == 2

    await eventually(two, what="two tickets")
    connection = await shop.desk.connect("tickets")
    assert await connection.fetchval("select count(*) from messages where workspace = $1", WORKSPACE) == 2
    await connection.close()


async def test_the_desk_at_rest_breaks_no_invariant(shop: Shop) -> None:
    anna = shop.agents["anna"]
    await anna.available()
    for number in range(20):
        assert (await shop.say("http", f"Question {number}", sender=f"c{number}")).status_code == 202
    for _ in range(3):
        offer = (await eventually(anna.offers, what="an offer"))[0]
        assert (await anna.accept(offer["id"])).is_success
    code, printed = await shop.desk.run("switchboard.verify", "--json")
    assert json.loads(printed) == {"violations": []}
    assert code == 0


async def test_another_workspaces_ticket_is_not_there(shop: Shop) -> None:
    await shop.say("http", "Private")

    async def one() -> list[dict[str, Any]]:
        return await shop.tickets()

    (ticket,) = await eventually(one, what="the ticket")
    _, printed = await shop.desk.run("services.gateway", "bootstrap", "--renew")
    installation = json.loads(printed.splitlines()[-1])["installation_key"]
    chosen = {"authorization": f"Bearer {installation}", "switchboard-workspace": "other"}
    await shop.admin.put("/v1/settings/workspace/other", json={"name": "Other"}, headers=chosen)
    made = await shop.admin.post("/v1/keys", json={"role": "admin"}, headers=chosen)
    other = {"authorization": f"Bearer {made.json()['key']}"}
    for path in ("", "/timeline", "/routing"):
        answer = await shop.admin.get(f"/v1/tickets/{ticket['id']}{path}", headers=other)
        assert answer.status_code == 404, path
