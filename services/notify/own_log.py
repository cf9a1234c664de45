"""Notify reads its own log: a database restored to an earlier state has forgotten what customers already have.

Nothing is sent before the log is read to its end, nor while the database is behind what this process has seen; what the
log says of a message is put into its row. Beside that each process remembers its last claims: where the database gives
it one a second time, it went back, even if no event tells of it.
"""

from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID

import asyncpg

from services.notify.domain import send as rules
from services.notify.domain.send import Send, Told
from services.notify.repo import receipts, sends, told
from services.notify.repo.sends import Key
from shared.bus import Context, positions
from shared.bus.consumer import Consumer
from shared.contracts.delivery_events import DeliveryChanged
from shared.contracts.envelope import Event
from shared.errors import MayPass

REMEMBERED = 50_000


class WentBack(MayPass):
    """The database is an earlier one than this process has seen; the own log is read again before anything is sent."""

    reason = "restored"


async def on_told(tx: asyncpg.Connection, batch: Sequence[Event[DeliveryChanged]], ctx: Context) -> None:
    """Put what we had told into rows that know less; it was told already, so nothing is told again."""
    ordered = sorted(batch, key=lambda event: event.version or 0)
    words = {(event.workspace, event.data.message): _word(event) for event in ordered}
    known = await told.versions(tx, sorted(words))
    rows = await sends.lock(tx, [key for key, version in known.items() if version < words[key].version])
    behind = {key: row for key, row in rows.items() if row.version < words[key].version}
    await sends.save(tx, [rules.taught(row, words[key]) for key, row in behind.items()])
    missing = sorted(words.keys() - known.keys())
    if missing:
        await receipts.wait_for_recorders(tx)
        if await told.versions(tx, missing):
            raise MayPass("a command was put down while our word on it was being kept; both are seen the next time")
        await told.keep(tx, {key: words[key] for key in missing})


def _word(event: Event[DeliveryChanged]) -> Told:
    said = event.data
    return Told(event.version or 0, said.state, said.at, said.reason, said.attempts)


class OwnLog:
    """Whether everything we ever told is known to the database behind a transaction."""

    def __init__(self, consumer: Consumer, grp: str) -> None:
        self._consumer = consumer
        self._grp = grp
        self._known: dict[int, int] | None = None
        self._claimed: OrderedDict[Key, tuple[int, int, int]] = OrderedDict()
        self._read_again: set[UUID] = set()

    async def read(self, tx: asyncpg.Connection) -> bool:
        """Whether it is read; stays so while Kafka is away. Raises WentBack where this database knows less."""
        if self._consumer.caught_up():
            self._known = dict(self._consumer.source.expected)
        if self._known is None:
            return False
        there = await positions.read(tx, self._grp, DeliveryChanged.TOPIC)
        if any(there.get(partition, 0) < offset for partition, offset in self._known.items()):
            self.forget()
            raise WentBack("the database knows less of our own log than we do")
        return True

    def forget(self) -> None:
        """Read again what the database has not seen."""
        self._known = None
        self._consumer.source.forget()

    def repeated(self, claimed: Sequence[Send]) -> list[Send]:
        """Claims that this process has had before: their outcome was lost with the database.

        The first time raises WentBack, so that the log is read; what the log does not know then is given.
        """
        again = [send for send in claimed if self._claimed.get(_key(send), (0, 0, 0)) >= _place(send)]
        fresh = [send for send in again if send.message not in self._read_again]
        if fresh:
            self._read_again.update(send.message for send in fresh)
            self.forget()
            raise WentBack("the database gives out a message that was sent before")
        return again

    def remember(self, claimed: Sequence[Send]) -> None:
        """These claims are committed."""
        for send in claimed:
            self._read_again.discard(send.message)
            self._claimed[_key(send)] = _place(send)
            self._claimed.move_to_end(_key(send))
        while len(self._claimed) > REMEMBERED:
            self._claimed.popitem(last=False)


def _key(send: Send) -> Key:
    return send.workspace, send.message


def _place(send: Send) -> tuple[int, int, int]:
    """Each claim of a message is behind all before it in this order."""
    return send.version, send.part, send.attempts
