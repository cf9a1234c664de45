"""Check every invariant of the desk, over its databases and its log: `switchboard verify`.

Each service checks its own schema; here stands what no service can see alone: that everything on the log has its
effect, and that tickets and routing name the same holder. A desk at work is always a moment behind itself, so what is
found wrong is looked at again, and only what stays wrong is reported.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiokafka import TopicPartition
from rich.console import Console

from shared.bus import codec, kafka
from shared.config import ServiceConfig
from shared.contracts.envelope import Event
from shared.contracts.ticket_events import MessageAdded
from shared.contracts.topics import INBOUND_MESSAGES, OUTBOUND_COMMANDS, RAW_INBOUND, TICKET_EVENTS
from shared.errors import Refused
from switchboard.services import installed, module_command

Name = Callable[[Event[Any]], UUID | None]
"""By which id a service knows the effect of a record; None where the record must have none."""


def _own_id(event: Event[Any]) -> UUID | None:
    return event.id


def _unread(event: Event[Any]) -> UUID | None:
    """Of raw-inbound only what could not be parsed; the rest stands on inbound-messages."""
    return event.id if event.data.refusal is not None else None


def _message(event: Event[Any]) -> UUID | None:
    return UUID(str(event.data.message))


def _written(event: Event[Any]) -> UUID | None:
    """What the desk wrote; customers' messages stand on inbound-messages."""
    ours = isinstance(event.data, MessageAdded) and event.data.author != "customer"
    return _message(event) if ours else None


EFFECTS: tuple[tuple[str, str, Name], ...] = (
    ("tickets", INBOUND_MESSAGES.name, _own_id),
    ("ingest", RAW_INBOUND.name, _unread),
    ("notify", OUTBOUND_COMMANDS.name, _own_id),
    ("tickets", OUTBOUND_COMMANDS.name, _message),
    ("tickets", TICKET_EVENTS.name, _written),
)
"""Whose database must hold the effect of every record of a topic."""
LOOKS = 4
PAUSE_S = 2.0

Found = dict[tuple[str, str, str], str]
"""Detail by (service, invariant, subject)."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A record of the log that must have had an effect."""

    id: str
    partition: int
    offset: int


async def main(arguments: list[str]) -> int:
    """Exit code 0 where all holds, 1 where something does not."""
    parser = argparse.ArgumentParser(
        prog="switchboard verify", description=(__doc__ or "").split("\n\n", maxsplit=1)[0]
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines to read")
    given = parser.parse_args(arguments)
    out = Console(stderr=True)
    found: Found = {}
    for look in range(LOOKS):
        now = await look_once(ServiceConfig())
        found = now if look == 0 else {key: detail for key, detail in now.items() if key in found}
        if not found:
            break
        if look < LOOKS - 1:
            out.print(f"{len(found)} not as they should be; looking again in {PAUSE_S:g} s", highlight=False)
            await asyncio.sleep(PAUSE_S)
    _tell(found, as_json=given.json)
    return 1 if found else 0


def _tell(found: Found, *, as_json: bool) -> None:
    rows = [
        {"service": service, "invariant": invariant, "subject": subject, "detail": detail}
        for (service, invariant, subject), detail in sorted(found.items())
    ]
    if as_json:
        print(json.dumps({"violations": rows}))
        return
    for row in rows:
        print(f"{row['service']}: {row['invariant']}: {row['subject']}: {row['detail']}")
    print(f"{len(rows)} violations" if rows else "every invariant holds")


async def look_once(config: ServiceConfig) -> Found:
    """Everything that is not as it should be at this moment."""
    services = installed()
    parts = await asyncio.gather(
        *(_own_checks(service) for service in services), _lost(config, services), _same_holders(services)
    )
    return {key: detail for part in parts for key, detail in part.items()}


async def _own_checks(service: str) -> Found:
    lines = await _ask(service, "verify")
    return {(row["service"], row["invariant"], row["subject"]): row["detail"] for row in map(json.loads, lines)}


async def _same_holders(services: list[str]) -> Found:
    """Tickets copies routing's state: both must name the same agent for each ticket that is not over."""
    if not {"tickets", "routing"} <= set(services):
        return {}
    shown, held = [json.loads((await _ask(service, "holders"))[0]) for service in ("tickets", "routing")]
    return {
        ("tickets", "tickets and routing name the same holder", ticket): f"{shown.get(ticket)} and {held.get(ticket)}"
        for ticket in shown.keys() | held.keys()
        if shown.get(ticket) != held.get(ticket)
    }


async def _lost(config: ServiceConfig, services: list[str]) -> Found:
    """Accepted messages without a message of a ticket, quarantine or dead letter (definitions.md, "Lost")."""
    found: Found = {}
    for service, topic, name in EFFECTS:
        if service not in services:
            continue
        records = await _records(config, topic, name)
        lines = await _ask(service, "missing", topic, given="\n".join(json.dumps(_line(r)) for r in records))
        for row in map(json.loads, lines):
            where = f"{topic} {row['partition']}@{row['offset']} has no effect"
            found[service, "nothing accepted is lost", row["id"]] = where
    return found


def _line(record: Logged) -> dict[str, Any]:
    """The record as a line of `missing`."""
    return {"id": record.id, "partition": record.partition, "offset": record.offset}


async def _records(config: ServiceConfig, topic_name: str, name: Name) -> list[Logged]:
    """What is on the topic now and must have had an effect."""
    consumer = kafka.tail(config, "verify")
    await consumer.start()
    try:
        topic = config.topic_prefix + topic_name
        known = await consumer._client.fetch_all_metadata()
        partitions = [TopicPartition(topic, number) for number in sorted(known.partitions_for_topic(topic) or ())]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(partitions)
        records: list[Logged] = []
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                records.extend(logged for record in batch if (logged := _logged(topic_name, record, name)) is not None)
        return records
    finally:
        await consumer.stop()


def _logged(topic: str, record: Any, name: Name) -> Logged | None:
    try:
        event = codec.decode(topic, record.value, record.headers)
    except Refused:
        return None  # poison: its dead letter is the service's own to show
    id_ = name(event) if event is not None else None
    return Logged(str(id_), record.partition, record.offset) if id_ is not None else None


async def _ask(service: str, *words: str, given: str = "") -> list[str]:
    """Lines that a command of a service prints; its complaint, where it cannot answer, is ours."""
    process = await asyncio.create_subprocess_exec(
        *module_command(f"services.{service}", *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate(given.encode())
    if process.returncode not in (0, 1) or (process.returncode == 1 and not output):
        raise SystemExit(f"{service} could not be asked to `{words[0]}`")
    return output.decode().splitlines()


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(sys.argv[1:])))
