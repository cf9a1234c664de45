"""One real Kafka and PostgreSQL for a whole test run; a database from a template and a topic prefix for each test."""

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import asyncpg

from shared.bus import topics
from shared.db.migrations import migrate
from switchboard.embedded.kafka import Kafka
from switchboard.embedded.postgres import Postgres

T = TypeVar("T")
ROOT = Path(__file__).parent.parent


class Stack:
    """Kafka and PostgreSQL, driven from a thread of their own so that every test's event loop may use them."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="switchboard-tests-"))
        self.kafka = Kafka(self.directory / "kafka")
        self.postgres = Postgres(self.directory / "postgres")
        self._migrated: str | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stack", daemon=True)

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float = 180) -> T:
        """Run a coroutine in the stack's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def start(self) -> None:
        """Start both servers."""
        self._thread.start()
        self.run(self._start())

    async def _start(self) -> None:
        await asyncio.gather(self.kafka.start(), self.postgres.start())

    def stop(self) -> None:
        """Stop both and leave nothing behind."""
        self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        shutil.rmtree(self.directory, ignore_errors=True)

    async def _stop(self) -> None:
        await asyncio.gather(self.kafka.stop(), self.postgres.stop())
        self.postgres.remove()

    async def kill_kafka(self) -> None:
        """kill -9 of the broker."""
        self.kafka.kill()
        await asyncio.to_thread(self.run, self.kafka.ended())

    async def start_kafka(self) -> None:
        """Start the broker again, on the same port with the same log."""
        await asyncio.to_thread(self.run, self.kafka.start())

    async def kill_postgres(self) -> None:
        """kill -9 of the postmaster."""
        self.postgres.kill()
        await asyncio.to_thread(self.run, self.postgres.ended())

    async def start_postgres(self) -> None:
        """Start PostgreSQL again on the same data."""
        await asyncio.to_thread(self.run, self.postgres.start())

    async def create_database(self, template: str | None = None) -> str:
        """A fresh database, empty or cloned from a template; gives its name."""
        name = f"t_{uuid4().hex[:12]}"
        connection = await asyncpg.connect(self.dsn("postgres"))
        try:
            await connection.execute(f'create database "{name}" template "{template or "template0"}"')
        finally:
            await connection.close()
        return name

    async def migrated(self) -> str:
        """The name of a database with every service's schema, made once a run and cloned from then on."""
        if self._migrated is None:
            self._migrated = await self.create_database()
            for folder in sorted((ROOT / "services").glob("*/migrations")):
                await migrate(self.dsn(self._migrated), folder.parent.name, folder)
        return self._migrated

    async def drop_database(self, name: str) -> None:
        """Drop a database and whoever is still connected to it."""
        connection = await asyncpg.connect(self.dsn("postgres"))
        try:
            await connection.execute(f'drop database if exists "{name}" with (force)')
        finally:
            await connection.close()

    def dsn(self, database: str) -> str:
        """The DSN of a database of this server."""
        head, _, query = self.postgres.dsn.partition("?")
        return f"{head.rsplit('/', 1)[0]}/{database}?{query}"

    async def create_topics(self) -> str:
        """All topics under a fresh prefix; gives the prefix."""
        prefix = f"t{uuid4().hex[:8]}."
        await topics.create(self.kafka.bootstrap, prefix=prefix, layout=topics.EMBEDDED)
        return prefix
