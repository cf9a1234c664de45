"""The audit is sealed: each second, what was told since is chained to all that was told before (architecture.md §6).

A row that is changed, put in between or taken out breaks its seal, and each seal holds the hash of the one before it.
"""

import asyncio
import hashlib
from collections.abc import Iterable

import asyncpg
import orjson

from services.tickets.repo import audit
from services.tickets.repo.audit import Seal
from shared.service import Runtime
from shared.verify import Violation

EVERY_S = 1
AT_ONCE = 2000
START = b""
"""What the first seal of a workspace is chained to."""


def chained(before: bytes, records: Iterable[bytes]) -> bytes:
    """SHA-256 over the hash before and the SHA-256 of each record."""
    digest = hashlib.sha256(before)
    for record in records:
        digest.update(hashlib.sha256(record).digest())
    return digest.digest()


async def seal_audit(runtime: Runtime) -> None:
    """Seal for as long as the service runs; one replica at a time."""
    while True:
        async with runtime.work() as (tx, _):
            sealed = await _seal(tx) if await audit.alone(tx) else 0
        if sealed < AT_ONCE:
            await asyncio.sleep(EVERY_S)


async def _seal(tx: asyncpg.Connection) -> int:
    found = await audit.unsealed(tx, AT_ONCE)
    if not found:
        return 0
    of: dict[str, list[tuple[int, bytes]]] = {}
    for number, record in found:
        of.setdefault(orjson.loads(record)["workspace"], []).append((number, record))
    before = await audit.last(tx, sorted(of))
    made = {workspace: _next(workspace, before.get(workspace), rows) for workspace, rows in of.items()}
    held = {number: made[workspace] for workspace, rows in of.items() for number, _ in rows}
    await audit.seal(tx, list(made.values()), held)
    return len(found)


def _next(workspace: str, before: Seal | None, rows: list[tuple[int, bytes]]) -> Seal:
    number, hash_ = (before.number, before.hash) if before else (0, START)
    return Seal(workspace, number + 1, len(rows), chained(hash_, (record for _, record in rows)))


async def check_seals(connection: asyncpg.Connection) -> list[Violation]:
    """Every seal holds what it held when it was made (`switchboard verify`)."""
    seals = {(seal.workspace, seal.number): seal for seal in await audit.seals(connection)}
    violations = [
        _broken(seal.workspace, seal.number, f"the seal before it, {seal.number - 1}, is gone")
        for seal in seals.values()
        if seal.number > 1 and (seal.workspace, seal.number - 1) not in seals
    ]
    met = set()
    async for workspace, number, records in audit.held(connection):
        seal, before = seals.get((workspace, number)), seals.get((workspace, number - 1))
        met.add((workspace, number))
        if seal is None:
            violations.append(_broken(workspace, number, f"{len(records)} rows name a seal that is gone"))
        elif (len(records), chained(before.hash if before else START, records)) != (seal.rows, seal.hash):
            violations.append(_broken(workspace, number, f"{seal.rows} were sealed, not these {len(records)}"))
    return violations + [_broken(*place, "its rows are gone") for place in sorted(seals.keys() - met)]


def _broken(workspace: str, number: int, detail: str) -> Violation:
    return Violation("tickets", "the audit is as it was sealed", f"{workspace}/{number}", detail)
