"""The supervisor with real processes: what dies is started again, what cannot start is told, nothing is left."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from shared.errors import StoreUnavailable
from switchboard import supervisor as module
from switchboard.embedded.ports import free_port
from switchboard.services import Desk
from switchboard.supervisor import Supervisor

SERVER = """
import http.server, os, signal, sys
if os.path.exists(sys.argv[1]):
    sys.exit("a setting is wrong")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["SWITCHBOARD_PORT"])), Answer).serve_forever()
"""


class Watched:
    """A supervisor of one small server and what it said."""

    def __init__(self, folder: Path) -> None:
        self.refuses_to_start = folder / "refuse"
        self.said: list[str] = []
        self.port = free_port()
        script = folder / "server.py"
        script.write_text(SERVER)
        desk = Desk("k", "p", "b", "key", {"small": self.port})

        def command(_name: str) -> list[str]:
            return [sys.executable, str(script), str(self.refuses_to_start)]

        self.supervisor = Supervisor(
            desk, folder / "logs", notice=self.said.append, changed=lambda: None, command=command
        )

    @property
    def pid(self) -> int:
        return self.supervisor.services["small"].process.pid

    async def until_answers_from_another_than(self, pid: int) -> None:
        async with httpx.AsyncClient() as client, asyncio.timeout(20):
            while True:
                await asyncio.sleep(0.05)
                try:
                    answer = await client.get(f"http://127.0.0.1:{self.port}/readyz")
                except httpx.HTTPError:
                    continue
                if answer.status_code == 200 and self.pid != pid:
                    return


@asynccontextmanager
async def watched(folder: Path) -> AsyncIterator[Watched]:
    small = Watched(folder)
    try:
        yield small
    finally:
        await small.supervisor.stop()


async def test_a_service_that_is_killed_is_started_again(tmp_path: Path) -> None:
    async with watched(tmp_path) as small:
        await small.supervisor.start()
        first = small.pid
        os.kill(first, signal.SIGKILL)
        await small.until_answers_from_another_than(first)
        assert small.supervisor.services["small"].kept.restarts == 1
        assert "small ended (killed by SIGKILL)" in small.said[0]


async def test_a_service_that_hangs_is_killed_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HANGS_AFTER_S", 0.5)
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.2)
    monkeypatch.setattr(module, "ANSWER_TIMEOUT_S", 0.3)
    async with watched(tmp_path) as small:
        await small.supervisor.start()
        first = small.pid
        os.kill(first, signal.SIGSTOP)
        await small.until_answers_from_another_than(first)
        assert any("has not been healthy" in words for words in small.said)


async def test_a_service_that_cannot_start_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    async with watched(tmp_path) as small:
        small.refuses_to_start.touch()
        with pytest.RaisesGroup(
            pytest.RaisesExc(StoreUnavailable, match="(?s)small did not become ready.*a setting is wrong")
        ):
            await small.supervisor.start()


async def test_stopping_leaves_no_process(tmp_path: Path) -> None:
    async with watched(tmp_path) as small:
        await small.supervisor.start()
        process = psutil.Process(small.pid)
    assert not process.is_running()
