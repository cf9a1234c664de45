"""The commands every service has beside serving: `python -m services.<name> COMMAND`."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from uuid import UUID

import asyncpg

from shared.bus import dead_letters
from shared.db.migrations import migrate
from shared.db.pool import check_dsn, server_settings
from shared.errors import Invalid, SwitchboardError
from shared.service import Service, prepared, serve
from shared.telemetry import logs
from shared.verify import Violation

Run = Callable[[Service, list[str]], Awaitable[int]]


async def run(service: Service, argv: list[str]) -> int:
    """Serve, or do what the first word says; errors are told in a line, not in a traceback."""
    try:
        check_dsn(service.dsn(service.config()))  # what is set wrongly is told before anything is built
    except Invalid as error:
        print(f"{service.name}: {error}", file=sys.stderr)
        return 2
    if not argv or argv[0] == "serve":
        return await serve(service)
    name, rest = argv[0], argv[1:]
    command = COMMANDS.get(name)
    logs.configure(service.name, "WARNING")
    try:
        if command is not None:
            return await command(service, rest)
        if name in service.commands:
            async with prepared(service) as runtime:
                return await service.commands[name](runtime, rest)
    except (SwitchboardError, OSError, asyncpg.PostgresError, TimeoutError) as error:
        print(f"{service.name} {name}: {error or type(error).__name__}", file=sys.stderr)
        return 1
    print(f"{service.name} knows: {', '.join(sorted({'serve', *COMMANDS, *service.commands}))}", file=sys.stderr)
    return 2


async def _migrate(service: Service, _rest: list[str]) -> int:
    applied = await migrate(service.dsn(service.config()), service.name, service.migrations)
    print(json.dumps({"service": service.name, "applied": applied}))
    return 0


async def _verify(service: Service, _rest: list[str]) -> int:
    """Check the schema's invariants; a line of JSON for each violation, exit 1 where there is one."""
    connection = await _connect(service)
    try:
        found = [violation for check in (*service.checks, _no_open_letters) for violation in await check(connection)]
    finally:
        await connection.close()
    for violation in found:
        print(json.dumps(asdict(violation)))
    return 1 if found else 0


async def _no_open_letters(connection: asyncpg.Connection) -> list[Violation]:
    letters = await dead_letters.list_letters(connection, states=("parked", "waiting", "retry", "discard"))
    schema = await connection.fetchval("select current_schema()")
    return [
        Violation(schema, "no record waits in dead letters", f"{letter['topic']}/{letter['id']}", letter["error"])
        for letter in letters
    ]


async def _missing(service: Service, rest: list[str]) -> int:
    """Read `{"id", "partition", "offset"}` lines of a topic; print those with neither effect nor dead letter here."""
    topic = rest[0] if rest else ""
    if topic not in service.finds:
        raise Invalid(f"{service.name} answers for {', '.join(service.finds) or 'no topic'}, not for {topic!r}")
    wanted = [json.loads(line) for line in await asyncio.to_thread(sys.stdin.readlines)]
    connection = await _connect(service)
    try:
        found = await service.finds[topic](connection, [UUID(record["id"]) for record in wanted])
        left = [record for record in wanted if UUID(record["id"]) not in found]
        letters = await connection.fetch('select partition, "offset" from dead_letters where topic = $1', topic)
    finally:
        await connection.close()
    dead = {(row["partition"], row["offset"]) for row in letters}
    for record in left:
        if (record["partition"], record["offset"]) not in dead:
            print(json.dumps(record))
    return 0


async def _holders(service: Service, _rest: list[str]) -> int:
    """Print who holds each ticket, one JSON object."""
    connection = await _connect(service)
    try:
        held = await service.holders(connection) if service.holders else {}
    finally:
        await connection.close()
    print(json.dumps({str(ticket): agent for ticket, agent in held.items()}))
    return 0


async def _dlq(service: Service, rest: list[str]) -> int:
    parser = argparse.ArgumentParser(prog=f"{service.name} dlq", description="Records that could not be handled.")
    parser.add_argument("action", choices=("list", "retry", "discard", "resume"))
    parser.add_argument("ids", nargs="*", help="numbers of dead letters; `resume` takes a topic")
    parser.add_argument("--topic", help="all of a topic")
    parser.add_argument("--all", action="store_true", help="list the finished ones too")
    given = parser.parse_args(rest)
    connection = await _connect(service)
    try:
        return await _dlq_action(connection, given)
    finally:
        await connection.close()


async def _dlq_action(connection: asyncpg.Connection, given: argparse.Namespace) -> int:
    if given.action == "list":
        states = dead_letters.OPEN + ("skipped", "gap") + (("released", "discarded") if given.all else ())
        for letter in await dead_letters.list_letters(connection, topic=given.topic, states=states):
            print(json.dumps(letter, default=str))
        return 0
    if given.action == "resume":
        topic = given.topic or (given.ids[0] if given.ids else "")
        print(json.dumps({"resumed": await dead_letters.resume(connection, topic), "topic": topic}))
        return 0
    ids = [int(number) for number in given.ids]
    print(json.dumps({given.action: await dead_letters.ask(connection, given.action, ids=ids, topic=given.topic)}))
    return 0


async def _openapi(service: Service, _rest: list[str]) -> int:
    """Print the service's OpenAPI document."""
    async with prepared(service) as runtime:
        app = service.api(runtime) if service.api else None
        document = app.openapi() if app is not None and hasattr(app, "openapi") else {}
    print(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False))
    return 0


async def _connect(service: Service) -> asyncpg.Connection:
    config = service.config()
    return await asyncpg.connect(service.dsn(config), timeout=10, server_settings=server_settings(service.name))


COMMANDS: dict[str, Run] = {
    "migrate": _migrate,
    "verify": _verify,
    "missing": _missing,
    "holders": _holders,
    "dlq": _dlq,
    "openapi": _openapi,
}
