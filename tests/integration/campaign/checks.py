"""What must hold when the dust has settled: 0 lost, 0 doubled, order per key kept, nothing left to say."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import asyncpg

from tests.desk import Desk
from tests.integration.campaign.kafka_state import ends
from tests.integration.campaign.traffic import Messages

SCHEMAS = ("first", "second")


@dataclass(frozen=True)
class Findings:
    """How many effects are wrong, and in what way."""

    lost: int
    doubled: int
    out_of_order: int
    other: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.out_of_order or self.other)


class Checks(Protocol):
    """Looks at the effects of the traffic."""

    async def idle(self) -> bool:
        """Whether all that was acknowledged was handled and everything said: nothing is on its way."""

    async def findings(self) -> Findings:
        """What is wrong with the effects; asked when idle."""


class PairChecks:
    """Effects of the two small services: a row for each message, a row for each fact."""

    def __init__(self, desk: Desk, traffic: Messages) -> None:
        self._desk = desk
        self._traffic = traffic

    async def idle(self) -> bool:
        """All logs consumed to their ends, all outboxes empty, all messages and facts there."""
        try:
            return await self._idle()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False  # it may be away itself

    async def _idle(self) -> bool:
        log_ends = await ends(self._desk, ["inbound-messages", "ticket-events"])
        behind = 0
        for schema in SCHEMAS:
            connection = await self._desk.connect(schema)
            try:
                behind += await connection.fetchval("select count(*) from outbox")
                rows = await connection.fetch("select topic, partition, next_offset from consumed")
            finally:
                await connection.close()
            handled = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
            topics = {row["topic"] for row in rows}
            behind += sum(handled.get(place, 0) != end for place, end in log_ends.items() if place[0] in topics)
            behind += not topics
        return not behind

    async def findings(self) -> Findings:
        """Compare what was acknowledged with the rows there are."""
        expected = {str(event.id) for event in self._traffic.sent}
        seen = await self._rows("first", "select id::text, sender as key, number from seen order by n")
        facts = await self._rows(
            "second", "select message::text as id, ticket::text as key, number from facts order by n"
        )
        letters = sum([await self._count(schema, "dead_letters") for schema in SCHEMAS])
        return Findings(
            lost=sum(len(expected - {row["id"] for row in rows}) for rows in (seen, facts)),
            doubled=sum(_doubled(row["id"] for row in rows) for rows in (seen, facts)),
            out_of_order=out_of_order(seen) + out_of_order(facts),
            other=(f"{letters} dead letters",) if letters else (),
        )

    async def _rows(self, schema: str, query: str) -> list[asyncpg.Record]:
        connection = await self._desk.connect(schema)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    async def _count(self, schema: str, table: str) -> int:
        return int((await self._rows(schema, f"select count(*) as n from {table}"))[0]["n"])


def _doubled(ids: Iterable[str]) -> int:
    return sum(count - 1 for count in Counter(ids).values())


def out_of_order(rows: Iterable[asyncpg.Record]) -> int:
    """How many effects came before the effect of an earlier number of their key."""
    last: dict[str, int] = {}
    wrong = 0
    for row in rows:
        wrong += row["number"] < last.get(row["key"], -1)
        last[row["key"]] = max(row["number"], last.get(row["key"], -1))
    return wrong
