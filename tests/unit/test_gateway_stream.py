"""What the stream keeps, tells and to whom: complete over reconnects, bounded in memory, and nobody else's business."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.caller import Entered
from services.gateway.stream.happened import Happened, may_hear, read
from services.gateway.stream.hub import Hub, Limits, NoStream
from services.gateway.stream.listener import HEARTBEAT, RESYNC, WAITING_MAX, Listener
from services.gateway.stream.ring import KEPT_MS, OVERLAP_MS, Ring
from shared.bus.codec import encode
from shared.contracts.envelope import Event
from shared.contracts.routing_events import OfferEnded, TicketOffered
from shared.contracts.signals import TicketViewed
from shared.errors import Busy
from shared.identity import Identity

NOW = datetime.now(UTC)
START = 1_000_000_000_000


def offered(agent: str = "anna", shop: str | None = "bikes", workspace: str = "main") -> bytes:
    data = TicketOffered(
        ticket=uuid4(), place="offered", enqueued_at=NOW, enqueue=1, agent=agent, offer=uuid4(),
        reason="longest-idle", lease_until=NOW + timedelta(seconds=30),
    )  # fmt: skip
    event = Event(id=uuid4(), source="routing", time=NOW, workspace=workspace, shop=shop, version=3, data=data)
    return encode(event)


def happened(mark: int = START, **more: Any) -> Happened:
    facts: dict[str, Any] = {"workspace": "main", "shop": "bikes", "agent": None, "asked": None}
    return Happened(mark=mark, chunk=b"id: %d\n\n" % mark, **{**facts, **more})


def who(role: Any = "agent", agent: str | None = "anna", shops: tuple[str, ...] = (), **more: Any) -> Entered:
    return Entered(Identity(more.pop("principal", "user/1"), role, "main", shops, agent), **more)


def parsed(chunk: bytes) -> tuple[dict[str, str], dict[str, Any]]:
    fields = dict(line.split(": ", 1) for line in chunk.decode().strip().split("\n"))
    return fields, orjson.loads(fields["data"])


def test_an_offer_tells_what_a_console_needs_to_ring() -> None:
    record = orjson.loads(value := offered())
    told = read("routing-events", value, START)
    assert told is not None
    fields, body = parsed(told.chunk)
    assert (fields["id"], fields["event"]) == (str(START), "routing.offered")
    assert {name: body[name] for name in ("ticket", "offer", "lease_until", "agent")} == {
        name: record["data"][name] for name in ("ticket", "offer", "lease_until", "agent")
    }
    assert (body["version"], body["subject"], body["id"]) == (3, record["subject"], record["id"])


def test_what_a_field_of_a_later_release_holds_is_not_told() -> None:
    record = orjson.loads(offered())
    record["data"]["note_to_self"] = "free text"
    told = read("routing-events", orjson.dumps(record), START)
    assert told is not None
    assert b"free text" not in told.chunk


@pytest.mark.parametrize(
    "value",
    [None, b"", b"nonsense", b"[]", b"{}", b'{"type": "a.b", "data": {}, "workspace": "main"}', b'{"data": 1}',
     b'{"type": "switchboard.x\\nid: 9.y.v1", "data": {}, "workspace": "main"}'],
)  # fmt: skip
def test_a_record_that_is_none_of_ours_is_passed_over(value: bytes | None) -> None:
    assert read("ticket-events", value, START) is None


def test_an_agent_hears_of_his_own_offers_and_a_lead_of_all() -> None:
    mine, others = (read("routing-events", offered(agent), START) for agent in ("anna", "bram"))
    assert mine is not None
    assert others is not None
    assert may_hear(who().identity, mine)
    assert not may_hear(who().identity, others)
    assert may_hear(who("lead", "cleo").identity, others)


def test_an_ended_offer_is_told_to_who_was_asked() -> None:
    data = OfferEnded(
        ticket=uuid4(), place="waiting", enqueued_at=NOW, enqueue=1, reason="expired", asked="anna", outcome="expired"
    )
    value = encode(Event(id=uuid4(), source="routing", time=NOW, workspace="main", shop="bikes", version=4, data=data))
    told = read("routing-events", value, START)
    assert told is not None
    assert may_hear(who().identity, told)
    assert not may_hear(who(agent="bram").identity, told)


def test_who_is_limited_to_shops_hears_of_them_and_of_his_own_presence() -> None:
    limited = who(shops=("bikes",)).identity
    assert may_hear(limited, happened(shop="bikes"))
    assert not may_hear(limited, happened(shop="bells"))
    assert not may_hear(limited, happened(shop=None))
    assert may_hear(limited, happened(shop=None, agent="anna"))
    assert not may_hear(limited, happened(shop=None, agent="bram"))


def test_a_resume_begins_before_the_id_so_that_another_replicas_order_does_no_harm() -> None:
    ring = Ring(bytes_max=10_000)
    ring.begin(START)
    for second in range(20):
        ring.add(happened(ring.stamp(START + second * 1000)))
    since = ring.since(START + 15_000)
    assert since is not None
    assert [one.mark for one in since] == [START + second * 1000 for second in range(10, 20)]


def test_what_is_older_than_the_ring_asks_for_a_resync() -> None:
    ring = Ring(bytes_max=10_000)
    ring.begin(START)
    ring.add(happened(ring.stamp(START + 1)))
    ring.add(happened(ring.stamp(START + KEPT_MS)))
    assert ring.since(START + OVERLAP_MS - 1) is None
    assert ring.since(START + OVERLAP_MS) is not None
    ring.expire(START + KEPT_MS + 2)
    assert ring.since(START + 1 + OVERLAP_MS) is None
    assert ring.since(START + 2 + OVERLAP_MS) is not None


def test_a_ring_that_is_full_keeps_the_newest_and_knows_what_it_lost() -> None:
    ring = Ring(bytes_max=10 * len(happened().chunk))
    ring.begin(START)
    for second in range(100):
        ring.add(happened(ring.stamp(START + second * 1000)))
    since = ring.since(START + 95_000)
    assert since is not None
    assert [one.mark for one in since] == [START + second * 1000 for second in range(90, 100)]
    assert ring.since(START + 94_000) is None


def test_a_record_that_comes_late_is_replayed_with_those_it_came_with() -> None:
    ring = Ring(bytes_max=10_000)
    ring.begin(START)
    ring.add(happened(ring.stamp(START + 60_000)))
    late = happened(ring.stamp(START + 20_000), shop="late")
    ring.add(late)
    since = ring.since(START + 60_000)
    assert since is not None
    assert late in list(since)


EVENTS = st.lists(st.tuples(st.integers(0, 300_000), st.integers(0, 2_400), st.integers(0, 2_400)), max_size=60)
"""Broker timestamps, and how much later (ms) each of two replicas reads the record."""


@given(EVENTS, st.integers(0, 60))
def test_who_moves_from_one_replica_to_another_misses_nothing(events: list[tuple[int, int, int]], heard: int) -> None:
    orders = [sorted(events, key=lambda event: event[0] + event[1 + replica]) for replica in (0, 1)]
    one, other = Ring(bytes_max=1_000_000), Ring(bytes_max=1_000_000)
    for ring in (one, other):
        ring.begin(START - OVERLAP_MS)
        ring.stamp(START)
    before = [happened(one.stamp(START + event[0]), shop=str(event)) for event in orders[0][:heard]]
    for event in orders[1]:
        other.add(happened(other.stamp(START + event[0]), shop=str(event)))
    after = other.since(before[-1].mark if before else START)
    assert after is not None
    assert {str(event) for event in events} == {told.shop for told in [*before, *after]}


def test_a_client_that_does_not_read_is_told_to_begin_anew_and_holds_no_memory() -> None:
    listener = Listener(who())
    for _ in range(WAITING_MAX + 500):
        listener.hear(happened())
    assert listener.ended == "slow"
    assert asyncio.run(listener.take()) == RESYNC
    assert asyncio.run(listener.take()) is None


def ready_hub(**limits: int) -> Hub:
    hub = Hub(Limits(**limits) if limits else None)
    hub.begin(START)
    hub.read_to_end(START)
    return hub


async def test_events_reach_the_streams_they_concern_encoded_once() -> None:
    hub = ready_hub()
    anna, bram = hub.open(who(), None), hub.open(who(agent="bram"), None)
    await anna.take()
    await bram.take()
    hub.tell([mine := happened(asked="anna"), happened(asked="bram", mark=START + 1), happened(workspace="other")])
    assert await anna.take() is mine.chunk
    assert await bram.take() == b"id: %d\n\n" % (START + 1)


async def test_what_passes_is_told_and_not_kept_for_who_comes_later() -> None:
    data = TicketViewed(session=uuid4(), ticket=uuid4(), agent="bram", state="typing", until=NOW)
    event = Event(id=uuid4(), source="gateway", time=NOW, workspace="main", data=data, shop="bikes")
    passing = read("signals", encode(event), START)
    assert passing is not None and passing.passing
    fields, body = parsed(passing.chunk)
    assert (fields["event"], body["agent"], body["state"]) == ("signal.viewing", "bram", "typing")
    assert {"ticket", "until"} <= set(body) and "session" not in body
    hub = ready_hub()
    listening = hub.open(who(), None)
    await listening.take()
    hub.tell([passing])
    assert await listening.take() == passing.chunk
    assert list(hub.ring.since(START) or ()) == []


def test_who_may_not_see_a_shop_hears_nobody_typing_there() -> None:
    passing = happened(passing=True)
    assert may_hear(who(shops=("bikes",)).identity, passing)
    assert not may_hear(who(shops=("bells",)).identity, passing)


async def test_a_stream_begins_with_a_hello_from_which_on_it_is_complete() -> None:
    hub = ready_hub()
    first = await hub.open(who(), None).take()
    assert first is not None
    assert b"event: hello" in first
    assert b"retry: " in first
    assert b"id: %d" % (START - 1) in first


async def test_a_resume_gets_what_it_missed_and_only_what_it_may_hear() -> None:
    hub = ready_hub()
    marks = [hub.ring.stamp(START + 60_000 + number) for number in range(3)]
    hub.tell([happened(marks[0]), happened(marks[1], asked="bram"), happened(marks[2], workspace="other")])
    got = await hub.open(who(), marks[0]).take()
    assert got is not None
    assert got.count(b"\n\n") == 2
    assert got.endswith(b"id: %d\n\n" % marks[0])


async def test_a_resume_from_before_the_ring_is_a_resync() -> None:
    got = await ready_hub().open(who(), START - 10**9).take()
    assert got is not None
    assert got.endswith(RESYNC)


async def test_a_log_that_is_not_the_one_we_read_makes_everybody_begin_anew() -> None:
    hub = ready_hub()
    listener = hub.open(who(), None)
    await listener.take()
    hub.begin(START + 10_000)
    assert await listener.take() == RESYNC


async def test_an_agent_with_two_streams_is_there_once_and_until_the_last_is_gone() -> None:
    hub = ready_hub()
    first, second = hub.open(who(), None), hub.open(who(), None)
    hub.open(who("integrator", None, principal="key/1"), None)
    assert hub.joined.is_set()
    assert hub.live_agents() == [("main", "anna")]
    hub.leave(first)
    assert hub.live_agents() == [("main", "anna")]
    hub.leave(second)
    assert hub.live_agents() == []


async def test_a_quiet_stream_beats() -> None:
    hub = ready_hub()
    listener = hub.open(who(), None)
    await listener.take()
    hub.beat()
    assert not listener._waiting
    listener.heard_at -= 16
    hub.beat()
    assert await listener.take() == HEARTBEAT


async def test_a_draining_replica_ends_its_streams_and_opens_no_more() -> None:
    hub = ready_hub()
    listener = hub.open(who(), None)
    await listener.take()
    hub.close("draining")
    assert await listener.take() is None
    with pytest.raises(NoStream):
        hub.open(who(), None)


async def test_a_replica_that_has_not_read_the_log_opens_no_stream() -> None:
    hub = Hub()
    hub.begin(START)
    assert hub.not_ready() is not None
    with pytest.raises(NoStream):
        hub.open(who(), None)


async def test_there_is_a_limit_to_streams_and_to_those_of_one_key() -> None:
    hub = ready_hub(all=3, of_one=2)
    hub.open(who(), None)
    hub.open(who(), None)
    with pytest.raises(Busy, match="user/1"):
        hub.open(who(), None)
    hub.open(who(principal="user/2"), None)
    with pytest.raises(Busy, match="limit"):
        hub.open(who(principal="user/3"), None)


def test_a_stream_lasts_as_long_as_its_token() -> None:
    assert Listener(who(until=NOW)).lapsed(NOW)
    assert not Listener(who(until=NOW + timedelta(seconds=1))).lapsed(NOW)
    assert not Listener(who()).lapsed(NOW)
