"""The campaign's full cast: every service of the product, messages over the real edge, agents who are pushed to."""

import asyncio
import json
import random
from datetime import UTC, datetime

import asyncpg
import httpx

from shared.bus import codec
from shared.bus.producer import BusProducer
from shared.config import ServiceConfig
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived, Sender
from shared.errors import BusUnavailable
from tests.desk import Desk
from tests.factories import message
from tests.integration.campaign.agents import Agents
from tests.integration.campaign.checks import Findings, out_of_order
from tests.integration.campaign.kafka_state import ends
from tests.integration.campaign.run import Campaign
from tests.providers.callback import Callback
from tests.shop import FORM, SECRET, SERVICES, http_request, open_shop, settled

EDGE = "services.ingest"
FRONT = "services.gateway"
MODULES = ("services.tickets", "services.routing", "services.notify", "services.metrics", EDGE)
"""In the order of the two topics whose logs are cut; the edge stands last, since bursts go past it."""
GROUPS = {
    EDGE: "ingest.raw-inbound",
    "services.tickets": "tickets.inbound-messages",
    "services.routing": "routing.ticket-events",
    "services.notify": "notify.outbound-commands",
    "services.metrics": "metrics.ticket-events",
}
SCHEMAS = ("gateway", "ingest", "tickets", "routing", "notify", "metrics")
CONSUMED = {
    "raw-inbound", "inbound-messages", "ticket-events", "routing-events", "outbound-commands", "delivery-events",
}  # fmt: skip
RULES = {
    "met": {
        "name": "Every ticket is met once",
        "when": [{"event": "opened"}],
        "actions": [{"do": "add-tags", "tags": ["met"]}, {"do": "add-note", "text": "Met"}],
    },
    "late": {
        "name": "Who waits for a minute goes first",
        "when": [{"event": "no-reply", "by": "agent", "minutes": 1}],
        "actions": [{"do": "set-priority", "priority": "high"}],
    },
}
WITH_METRICS = (*SERVICES, "services.metrics")


class Customers:
    """Customers of the form; each sends his next message once the last one is accepted, and sends again till then."""

    def __init__(self, desk: Desk, rng: random.Random, agents: Agents, *, per_s: float, customers: int = 40) -> None:
        self.agents = agents
        self._desk = desk
        self._rng = rng
        self._per_s = per_s
        self._customers = customers
        self._written = 0
        self._client = httpx.AsyncClient(timeout=3)
        self._producer = BusProducer(ServiceConfig(kafka=desk.stack.kafka.bootstrap, topic_prefix=desk.prefix), "test")
        self._sending = asyncio.Lock()
        self.ids: list[str] = []

    @property
    def accepted(self) -> int:
        """How many messages were answered with 202."""
        return len(self.ids)

    async def run(self) -> None:
        """Write steadily over the edge until cancelled; now and then a provider sends something twice."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_writing())
            group.create_task(self.agents.run())

    async def _keep_writing(self) -> None:
        while True:
            async with self._sending:
                numbers = [self._next() for _ in range(max(1, round(self._per_s / 10)))]
                await asyncio.shield(asyncio.gather(*(self._write(*number) for number in numbers)))
                if self._rng.random() < 0.3:
                    await asyncio.shield(self._write(*self._rng.choice(numbers), again=True))
            await asyncio.sleep(0.1)

    async def burst(self, count: int) -> None:
        """Put messages on the bus as ingest would: for when ingest itself is held still."""
        async with self._sending:
            events = [_as_ingest(customer, number) for customer, number in (self._next() for _ in range(count))]
            records = [(e.topic, e.key, codec.encode(e), codec.trace_header(e.trace)) for e in events]
            while True:
                try:
                    await self._producer.send_all(records, timeout_s=5)
                    break
                except BusUnavailable:
                    await asyncio.sleep(0.2)
            self.ids += [str(event.id) for event in events]

    async def close(self) -> None:
        """Let go of the connections."""
        async with self._sending:
            await asyncio.gather(self._client.aclose(), self._producer.stop(), self.agents.close())

    def _next(self) -> tuple[str, int]:
        number, customer = divmod(self._written, self._customers)
        self._written += 1
        return f"c{customer}", number

    async def _write(self, customer: str, number: int, *, again: bool = False) -> None:
        """Until some replica of ingest accepts it."""
        while True:
            request = http_request(str(number), customer, {"id": f"{customer}:{number}"})
            for name in [name for name in list(self._desk.processes) if name.partition("#")[0] == "ingest"]:
                try:
                    answer = await self._client.post(**request | {"url": self._desk.url(name) + request["url"]})
                except (httpx.TransportError, KeyError):
                    continue
                if answer.status_code == 202:
                    self.ids += [] if again else answer.json()["ids"]
                    return
                assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.1)


def _as_ingest(customer: str, number: int) -> Event[MessageReceived]:
    """The record that ingest makes of the customer's form message."""
    sender = Sender(kind="external", scope=FORM, value=customer, verified=True)
    form = {"channel": "http", "account": FORM, "thread": None, "sender": sender}
    return message(customer, number, str(number), accepted_at=datetime.now(UTC), **form)


class WholeChecks:
    """What must hold of the whole desk: everything accepted stands once, in order, is held, and `verify` is clean."""

    def __init__(self, desk: Desk, traffic: Customers) -> None:
        self._desk = desk
        self._traffic = traffic

    async def idle(self) -> bool:
        """All logs consumed, all outboxes empty, nobody waits."""
        try:
            return await self._idle()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False

    async def _idle(self) -> bool:
        log_ends = {place: end for place, end in (await ends(self._desk, sorted(CONSUMED))).items() if end}
        for schema in SCHEMAS:
            if await self._value(schema, "select count(*) from outbox"):
                return False
            rows = await self._rows(schema, "select topic, partition, next_offset from consumed")
            handled = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
            if any(handled[place] != end for place, end in log_ends.items() if place in handled):
                return False
        if await self._value("notify", "select count(*) from sends where step <> 'done'"):
            return False
        return not await self._value("routing", "select count(*) from tickets where place <> 'held'")

    async def findings(self) -> Findings:
        """Compare what was accepted with what stands on tickets, and let the desk check itself."""
        rows = await self._rows(
            "tickets",
            """
            select m.id::text as id, i.value as key, m.body::int as number
            from messages m join identities i on i.workspace = m.workspace and i.person = m.person
            where m.author = 'customer'
            order by m.accepted_at, m.id
            """,
        )
        there = {row["id"] for row in rows}
        answered = await self._rows("tickets", "select id::text as id, delivery from messages where author = 'agent'")
        twice = await self._rows(
            "tickets",
            "select ticket, count(*) as notes from messages where author = 'rule' group by ticket having count(*) > 1",
        )
        _, printed = await self._desk.run("switchboard.verify", "--json")
        violations = json.loads(printed)["violations"]
        return Findings(
            lost=len(set(self._traffic.ids) - there),
            doubled=len(rows) - len(there),
            out_of_order=out_of_order(row for row in rows if row["key"] is not None),
            other=(
                *self._unanswered({row["id"]: row["delivery"] for row in answered}),
                *(f"{row['notes']} notes by a rule on {row['ticket']}" for row in twice),
                *(f"{v['invariant']}: {v['subject']}: {v['detail']}" for v in violations[:5]),
            ),
        )

    def _unanswered(self, standing: dict[str, str]) -> list[str]:
        """What is wrong with answers whose command was taken, and with those that stand on tickets."""
        agents = self._traffic.agents
        wrong = [f"answer {id_} is not on its ticket" for id_ in agents.answered - standing.keys()]
        wrong += [f"answer {id_} never reached its customer" for id_ in agents.answered - agents.far.received.keys()]
        went_out = ("sent", "delivered", "read")
        wrong += [f"answer {id_} is {state}" for id_, state in standing.items() if state not in went_out]
        return sorted(wrong)[:10]

    async def _rows(self, schema: str, query: str) -> list[asyncpg.Record]:
        connection = await self._desk.connect(schema)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    async def _value(self, schema: str, query: str) -> int:
        return int((await self._rows(schema, query))[0][0])


async def prepare_whole(desk: Desk, rng: random.Random, *, per_s: float) -> Campaign:
    """A shop whose two agents have room for everything, on a desk that runs already."""
    far = Callback(SECRET)
    await far.start()
    shop = await open_shop(desk, mode="push", ways_out={FORM: {"callback_url": far.url}})
    for name in ("anna", "bram"):
        answer = await shop.admin.put(f"/v1/settings/agent/{name}", json={"name": name, "capacity": 100_000})
        assert answer.is_success, answer.text
    policy = {"default": {"mode": "push", "weight": 1}, "require_language": False, "offline_grace_s": 3600}
    assert (await shop.admin.put("/v1/settings/routing/default", json=policy)).is_success
    for name, rule in RULES.items():
        assert (await shop.admin.put(f"/v1/settings/rule/{name}", json=rule)).is_success
    await settled(desk, "rule/late")
    for agent in shop.agents.values():
        await agent.available()
    traffic = Customers(desk, rng, Agents(shop, far), per_s=per_s)
    checks = WholeChecks(desk, traffic)
    return Campaign(
        desk,
        modules=MODULES,
        groups=GROUPS,
        traffic=traffic,
        checks=checks,
        rng=rng,
        edges=frozenset({EDGE}),
        fronts=(FRONT,),
    )
