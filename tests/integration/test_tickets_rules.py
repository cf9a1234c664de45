"""Rules and macros at work: once for each event over kills, an end to every loop, time, kill switch, dry run."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import Sender
from shared.contracts.settings import SettingChanged
from shared.ids import new_id
from tests.eventually import eventually
from tests.integration.ticketing import Line, Tickets

TAGGING = {"name": "Tag", "when": [{"event": "opened"}], "actions": [{"do": "add-tags", "tags": ["seen"]}]}


async def settle(tickets: Tickets, version: int = 1, **documents: dict[str, Any]) -> None:
    """Publish documents, named `kind__id`, and wait until tickets has read them."""
    named = {tuple(name.split("__")): document for name, document in documents.items()}
    now = datetime.now(UTC)
    told = [
        Event(new_id(), "gateway", now, tickets.workspace, _changed(kind, id_, document), version=version)
        for (kind, id_), document in named.items()
    ]
    await tickets.publish(*told)

    async def read() -> bool:
        async with httpx.AsyncClient(base_url=tickets.desk.url("tickets"), timeout=5) as client:
            known = (await client.get("/internal/settings")).json()
        return all(known.get(f"{tickets.workspace}/{kind}/{id_}") == version for kind, id_ in named)

    await eventually(read, what="the documents in tickets")


async def write(tickets: Tickets, person: str = "77", name: str | None = None, **more: Any) -> UUID:
    """A customer writes now."""
    sender = Sender(kind="telegram", scope="bikes-bot", value=person, name=name, verified=True)
    return await tickets.write(person=person, sender=sender, accepted_at=datetime.now(UTC), **more)


async def heard(tickets: Tickets, count: int) -> None:
    """So many events of the workspace are told, and rules have heard of them all, or passed them by."""
    await tickets.told(count)
    topic = f"{tickets.desk.prefix}ticket-events"
    consumer = AIOKafkaConsumer(bootstrap_servers=tickets.desk.stack.kafka.bootstrap)
    connection = await tickets.database()
    await consumer.start()
    try:
        numbers = (await consumer._client.fetch_all_metadata()).partitions_for_topic(topic) or ()
        ends = await consumer.end_offsets([TopicPartition(topic, number) for number in numbers])

        async def done() -> bool:
            asked = "select sum(next_offset) from consumed where grp = 'tickets.ticket-events'"
            return int(await connection.fetchval(asked) or 0) >= sum(ends.values())

        await eventually(done, what="all heard")
    finally:
        await consumer.stop()
        await connection.close()


def _changed(kind: str, id_: str, document: dict[str, Any]) -> SettingChanged:
    return SettingChanged(kind=kind, document_id=id_, document=document)


async def log(tickets: Tickets, rule: str, count: int) -> list[Line]:
    """What a rule did, newest first, once it is so much."""

    async def there() -> list[Line]:
        async with tickets.client(role="lead") as asking:
            items: list[Line] = (await asking.get(f"/v1/rules/{rule}/log")).json()["items"]
        return items if len(items) >= count else []

    return await eventually(there, what=f"{count} lines of {rule}")


async def shown(tickets: Tickets, ticket: UUID) -> Line:
    """The ticket."""
    found: Line = await tickets.get(f"/v1/tickets/{ticket}")
    return found


async def test_a_rule_acts_once_for_each_event_over_a_kill_and_says_so(tickets: Tickets) -> None:
    when = [{"event": "opened"}, {"event": "customer-replied"}]
    note = {"do": "add-note", "text": "{{ customer.name | default: 'Somebody' }} wrote"}
    first = {"name": "First", "order": 1, "when": when, "actions": [{"do": "set-priority", "priority": "high"}, note]}
    second = TAGGING | {"conditions": {"field": "priority", "any_of": ["high"]}}
    await settle(tickets, rule__first=first, rule__second=second)
    wrote = [tickets.message(person=str(n)) for n in range(20)]
    await tickets.publish(*wrote)
    process = tickets.desk.processes["tickets"]
    await asyncio.sleep(0)
    process.kill()
    process.start()
    await process.ready()
    await tickets.publish(*wrote)
    runs = await log(tickets, "first", 20)
    assert len(runs) == 20
    assert {run["outcome"] for run in runs} == {"acted"}
    assert len({run["ticket"] for run in runs}) == 20
    assert len(await log(tickets, "second", 20)) == 20
    ticket = UUID(runs[0]["ticket"])
    now = await shown(tickets, ticket)
    assert (now["priority"], now["tags"]) == ("high", ["seen"])
    lines = await tickets.timeline(ticket, 4)
    assert [line["what"] for line in lines] == ["message", "changed", "changed", "note"]
    assert [line["detail"]["by"] for line in lines[1:3]] == ["rule/first", "rule/second"]
    assert lines[3]["author"] == "rule"
    async with tickets.client(role="lead") as asking:
        audit = (await asking.get(f"/v1/tickets/{ticket}/audit")).json()["items"]
    assert [line["actor"] for line in audit] == [None, "rule/first", "rule/second", "rule/first"]
    assert {line["cause"] for line in audit[1:]} == {audit[0]["id"]}


async def test_a_loop_is_stopped_and_reported(tickets: Tickets) -> None:
    def pushing(was: str, to: str) -> dict[str, Any]:
        when = [{"event": "state-changed", "to": was}]
        return {"name": to, "when": when, "actions": [{"do": "set-state", "state": to}]}

    await settle(tickets, rule__ping=pushing("pending", "on-hold"), rule__pong=pushing("on-hold", "pending"))
    ticket = await write(tickets)
    await tickets.listed(1)
    assert (await tickets.become(ticket, "pending")).status_code == 200
    ping = await log(tickets, "ping", 2)
    assert [(run["outcome"], run["reason"]) for run in ping] == [("stopped", "loop"), ("acted", None)]
    pong = await log(tickets, "pong", 1)
    assert [run["outcome"] for run in pong] == ["acted"]
    assert (await shown(tickets, ticket))["state"] == "pending"
    assert len({run["chain"] for run in ping + pong}) == 1


async def test_a_macro_answers_by_itself_but_never_a_machine_and_never_for_ever(tickets: Tickets) -> None:
    texts = {"en": "Thanks {{ customer.name }}, we look into it.", "de": "Danke, {{ customer.name }}!"}
    answering = {
        "name": "Acknowledge",
        "when": [{"event": "opened"}, {"event": "customer-replied"}],
        "actions": [{"do": "answer", "macro": "thanks"}],
    }
    await settle(tickets, macro__thanks={"name": "Thanks", "texts": texts}, rule__ack=answering)
    ticket = await write(tickets, number=1, name="Ada")
    quiet = await write(tickets, person="2", automatic="auto-reply")
    (run,) = [run for run in await log(tickets, "ack", 2) if run["ticket"] == str(ticket)]
    assert run["outcome"] == "acted"
    (refused,) = [run for run in await log(tickets, "ack", 2) if run["ticket"] == str(quiet)]
    assert (refused["outcome"], refused["reason"]) == ("refused", "automatic_message")
    lines = await tickets.timeline(ticket, 2)
    assert (lines[1]["text"], lines[1]["author"], lines[1]["delivery"]) == (
        "Thanks Ada, we look into it.",
        "rule",
        "queued",
    )
    assert (await shown(tickets, ticket))["state"] == "new"
    for number in range(2, 5):
        await write(tickets, number=number, name="Ada")
        await log(tickets, "ack", number + 1)
    assert [run["reason"] for run in await log(tickets, "ack", 5)][:2] == ["too_many_answers", None]


async def test_a_text_with_a_hole_is_not_sent(tickets: Tickets) -> None:
    macro = {"name": "Order", "texts": {"en": "Your order {{ order.name }} is late."}}
    answering = {"name": "x", "when": [{"event": "opened"}], "actions": [{"do": "answer", "macro": "late"}]}
    await settle(tickets, macro__late=macro, rule__late=answering)
    await write(tickets)
    (run,) = await log(tickets, "late", 1)
    assert (run["outcome"], run["reason"]) == ("refused", "missing_variables")


async def test_a_rule_waits_for_time_to_pass_without_a_reply(tickets: Tickets) -> None:
    waiting = {
        "name": "Remind",
        "when": [
            {"event": "no-reply", "by": "agent", "minutes": 60},
            {"event": "in-state", "state": "on-hold", "minutes": 5},
        ],
        "actions": [{"do": "set-priority", "priority": "urgent"}, {"do": "notify", "agents": ["ben"], "text": "Look"}],
    }
    await settle(tickets, rule__remind=waiting)
    asked, answered, held = [await write(tickets, person=str(n)) for n in range(3)]
    await tickets.listed(3)
    async with tickets.client() as asking:
        sent = await asking.post(f"/v1/tickets/{answered}/answers", json={"text": "Here you are"})
    assert sent.status_code == 201, sent.text
    assert (await tickets.become(held, "on-hold")).status_code == 200
    connection = await tickets.database()
    try:

        async def set_() -> bool:
            rows = await connection.fetch(
                "select ticket, name from timers where workspace = $1 and kind = 'rule'", tickets.workspace
            )
            return {(row["ticket"], row["name"].split(".")[1]) for row in rows} == {
                (asked, "agent"),
                (held, "agent"),
                (held, "on-hold"),
            }

        await eventually(set_, what="the timers")
        await connection.execute(
            "update timers set run_at = clock_timestamp() where workspace = $1 and ticket = any($2)",
            tickets.workspace,
            [asked, held],
        )
    finally:
        await connection.close()
    runs = await log(tickets, "remind", 3)
    assert sorted(run["trigger"] for run in runs) == ["in-state", "no-reply", "no-reply"]
    assert {UUID(run["ticket"]) for run in runs} == {asked, held}
    assert ((await shown(tickets, asked))["priority"], (await shown(tickets, answered))["priority"]) == (
        "urgent",
        "normal",
    )
    note = (await tickets.timeline(asked, 3))[-1]
    assert (note["what"], note["text"]) == ("note", "@ben Look")


async def test_the_kill_switches_stop_rules_at_once(tickets: Tickets) -> None:
    await settle(tickets, rule__tag=TAGGING)
    first = await write(tickets, person="1")
    await log(tickets, "tag", 1)
    await settle(tickets, 2, rule__tag=TAGGING | {"enabled": False})
    second = await write(tickets, person="2")
    await heard(tickets, 3)
    await settle(tickets, 3, rule__tag=TAGGING)
    off = {"name": "Main", "rules_enabled": False}
    await settle(tickets, 1, **{f"workspace__{tickets.workspace}": off})
    third = await write(tickets, person="3")
    await heard(tickets, 4)
    await settle(tickets, 2, **{f"workspace__{tickets.workspace}": off | {"rules_enabled": True}})
    last = await write(tickets, person="4")
    assert {run["ticket"] for run in await log(tickets, "tag", 2)} == {str(first), str(last)}
    tagged = [(await shown(tickets, ticket))["tags"] for ticket in (first, second, third, last)]
    assert tagged == [["seen"], [], [], ["seen"]]


async def test_what_is_older_than_a_day_starts_nothing(tickets: Tickets) -> None:
    await settle(tickets, rule__tag=TAGGING)
    ticket = await write(tickets, person="1")
    await log(tickets, "tag", 1)
    (opened, *_) = await tickets.told(1)
    old = replace(opened, id=new_id(), time=opened.time - timedelta(days=2))
    await tickets.publish(old)
    await write(tickets, person="2")
    assert len(await log(tickets, "tag", 2)) == 2
    assert (await shown(tickets, ticket))["version"] == 2


async def test_a_dry_run_shows_what_would_change_and_changes_nothing(tickets: Tickets) -> None:
    wanted = await write(tickets, person="1", text="I want a refund, now!")
    other = await write(tickets, person="2", text="Where is it?")
    await tickets.listed(2)
    rule = TAGGING | {
        "conditions": {"field": "text", "any_of": ["refund"]},
        "actions": [
            {"do": "add-tags", "tags": ["refund"]},
            {"do": "set-state", "state": "pending"},
            {"do": "answer", "macro": "none"},
        ],
    }
    async with tickets.client(role="lead") as asking:
        tried = (await asking.post("/v1/rules/dry-run", json={"rule": rule, "days": 1})).json()
        page = (await asking.post("/v1/rules/dry-run", json={"rule": rule, "limit": 1})).json()
        later = {"rule": rule, "limit": 1, "cursor": page["next"]}
        rest = (await asking.post("/v1/rules/dry-run", json=later)).json()
        wrong = await asking.post("/v1/rules/dry-run", json={"rule": rule | {"actions": [{"do": "fly"}]}})
    assert (tried["tickets"], tried["next"], tried["passed_over"]) == (2, None, {"text has none of the words": 1})
    (would,) = tried["items"]
    assert (would["ticket"], would["trigger"], would["says"]) == (str(wanted), "opened", ["answer"])
    assert would["changes"] == {"tags": {"was": [], "is": ["refund"]}, "state": {"was": "new", "is": "pending"}}
    assert (page["tickets"], rest["tickets"], rest["next"]) == (1, 1, None)
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/rule/actions/0")
    assert [(await shown(tickets, one))["version"] for one in (wanted, other)] == [1, 1]


async def test_a_macro_is_shown_with_this_tickets_data_and_applied_once(tickets: Tickets) -> None:
    macro = {
        "name": "Late",
        "texts": {
            "en": "Dear {{ customer.name }}, we are on it. {{ agent.first_name }}",
            "de": "Hallo {{ order.name }}",
        },
        "actions": [
            {"do": "add-tags", "tags": ["late"]},
            {"do": "set-priority", "priority": "high"},
            {"do": "add-note", "text": "{{ customer.name }} was told"},
        ],
    }
    hole = {"name": "Hole", "texts": {"en": "Order {{ order.name }}"}, "actions": macro["actions"]}
    anna = {"name": "Anna Berg"}
    await settle(tickets, macro__late=macro, macro__hole=hole, agent__anna=anna)
    ticket = await write(tickets, name="Ada")
    await tickets.listed(1)
    place = f"/v1/tickets/{ticket}/macros"
    async with tickets.client() as asking:
        preview = (await asking.post(f"{place}/late/preview")).json()
        key = {"idempotency-key": "k1"}
        first = await asking.post(f"{place}/late/apply", headers=key)
        again = await asking.post(f"{place}/late/apply", headers=key)
        stale = await asking.post(f"{place}/late/apply", headers={"if-match": '"1"'})
        holes = (await asking.post(f"{place}/hole/preview")).json()
        refused = await asking.post(f"{place}/hole/apply")
        missing = await asking.post(f"{place}/none/apply")
    assert (preview["language"], preview["text"]) == ("en", "Dear Ada, we are on it. Anna")
    assert (preview["missing"], preview["notes"]) == ([], ["Ada was told"])
    assert preview["changes"]["priority"] == {"was": "normal", "is": "high"}
    assert first.status_code == 200, first.text
    assert (first.json(), first.headers["etag"]) == (again.json(), again.headers["etag"])
    assert first.json()["text"] == preview["text"]
    assert (first.json()["ticket"]["tags"], first.json()["ticket"]["version"]) == (["late"], 3)
    assert stale.status_code == 412
    assert (holes["missing"], holes["text"]) == (["order.name"], "Order ⟦order.name⟧")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/variables/order.name")
    assert missing.status_code == 404
    lines = await tickets.timeline(ticket, 3)
    assert [(line["what"], line["by"]) for line in lines[1:]] == [("changed", None), ("note", "anna")]
