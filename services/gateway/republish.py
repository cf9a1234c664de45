"""Brings the table of settings and the topic together again, after either was lost or restored.

Usually they are the same by construction. Where the topic lacks something, it is sent; where the topic is further
than the table (the database was restored to an earlier state), the topic's document is taken back; where both have the
same version of different documents, the table's becomes a version of its own, since consumers take only higher ones.
"""

import argparse
import asyncio
import contextlib
import json
from collections import Counter
from dataclasses import replace
from datetime import datetime

import asyncpg

from services.gateway import changes
from services.gateway.repo import settings as repo
from services.gateway.repo.settings import Setting
from shared.bus import Context
from shared.bus.settings import SettingsReader
from shared.contracts.envelope import Event
from shared.contracts.settings import SettingChanged
from shared.errors import BusUnavailable
from shared.service import Runtime

READ_S = 60
_BY = "republish"
Name = tuple[str, str, str]
"""Workspace, kind, id."""


class Published(SettingsReader):
    """The newest record of each document on the topic, as it stands there."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__(runtime.config, "gateway-republish")
        self.newest: dict[Name, Setting] = {}

    def apply(self, event: Event[SettingChanged]) -> None:
        """Keep what is newest."""
        name = (event.workspace, event.data.kind, event.data.document_id)
        kept = self.newest.get(name)
        if kept is None or (event.version or 0) >= kept.version:
            self.newest[name] = _from_topic(name, event)


async def republish(runtime: Runtime, argv: list[str]) -> int:
    """Compare the table with the topic and mend what differs; prints what was done as one line of JSON."""
    argparse.ArgumentParser(prog="gateway republish", description=republish.__doc__).parse_args(argv)
    published = await read(runtime)
    async with runtime.work() as (tx, ctx):
        done = await reconcile(tx, ctx, published)
    print(json.dumps({"same": done["same"], **{name: done[name] for name in ("sent", "taken_back", "renumbered")}}))
    return 0


async def read(runtime: Runtime) -> dict[Name, Setting]:
    """The topic to its present end; raises BusUnavailable where that takes too long."""
    published = Published(runtime)
    reading = asyncio.create_task(published.run())
    try:
        await asyncio.wait_for(published.wait_ready(), READ_S)
    except TimeoutError as error:
        raise BusUnavailable(f"the topic settings could not be read within {READ_S} s") from error
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
    return published.newest


async def reconcile(tx: asyncpg.Connection, ctx: Context, published: dict[Name, Setting]) -> Counter[str]:
    """Mend each difference; counts what was done."""
    kept = {(one.workspace, one.kind, one.id): one for one in await repo.everything(tx)}
    done: Counter[str] = Counter()
    for name in sorted(kept.keys() | published.keys()):
        if _same(kept.get(name), published.get(name)):
            done["same"] += 1
            continue
        ours = await repo.lock(tx, *name)
        done[await _mend(tx, ctx, ours, published.get(name))] += 1
    return done


async def _mend(tx: asyncpg.Connection, ctx: Context, ours: Setting | None, theirs: Setting | None) -> str:
    if ours is None or (theirs is not None and theirs.version > ours.version):
        assert theirs is not None, "a name is in the table or on the topic"
        await repo.save(tx, replace(theirs, updated_by=_BY), recovered=True)
        return "taken_back"
    if theirs is None or ours.version > theirs.version:
        changes.publish(ctx, ours)
        return "sent"
    if _same(ours, theirs):
        return "same"
    await changes.save(tx, ctx, replace(ours, version=ours.version + 1, updated_by=_BY, updated_at=ctx.now))
    return "renumbered"


def _same(ours: Setting | None, theirs: Setting | None) -> bool:
    return (
        ours is not None
        and theirs is not None
        and (ours.version, ours.deleted, ours.document) == (theirs.version, theirs.deleted, theirs.document)
    )


def _from_topic(name: Name, event: Event[SettingChanged]) -> Setting:
    workspace, kind, id_ = name
    at: datetime = event.time
    return Setting(workspace, kind, id_, event.version or 0, event.data.document, event.data.deleted, _BY, at)
