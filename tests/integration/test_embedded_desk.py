"""The desk comes up, refuses what cannot be, survives kill -9 of its parts, and leaves nothing running."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from switchboard.embedded.postgres import Postgres

ROOT = Path(__file__).parents[2]
SMALL = ("--port", "0", "--only", "gateway")
"""Enough of a desk where its size does not matter."""


class Desk:
    """One data directory and the operator's command on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHBOARD_")}
        self.environment["PYTHONPATH"] = str(ROOT)
        if cache := os.environ.get("SWITCHBOARD_CACHE"):
            self.environment["SWITCHBOARD_CACHE"] = cache

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "switchboard", *arguments, "--data", str(self.folder)]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), env=self.environment, capture_output=True, text=True, timeout=180, check=False
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        command = self.command(*arguments)
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def facts(self) -> dict[str, object]:
        return dict(json.loads((self.folder / "running.json").read_text()))

    def pids(self) -> dict[str, int]:
        return dict(self.facts()["pids"])  # type: ignore[call-overload]

    def processes(self) -> list[psutil.Process]:
        pids = [int(str(self.facts()["pid"])), *self.pids().values()]
        found = [psutil.Process(pid) for pid in pids]
        return found + [child for process in found for child in process.children(recursive=True)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "data")
    yield desk
    desk.run("down")
    Postgres(desk.folder / "postgres").remove()


def until(condition: Callable[[], bool], *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def crowdedness(desk: Desk) -> float:
    """How much longer than its own work a command takes here now; 1 on a machine with nothing else to do."""
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    desk.run("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return max(1.0, (time.monotonic() - begun) / worked_s)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_detached_it_returns_when_ready_and_down_leaves_nothing(desk: Desk) -> None:
    up = desk.run("up", "--detach", "--port", "0")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "The desk is ready" in up.stdout
    processes = desk.processes()
    assert len(alive(processes)) >= 3

    status = desk.run("status", "--json")
    assert status.returncode == 0, status.stdout + status.stderr
    assert json.loads(status.stdout)["ready"] is True

    second = desk.run("up", "--port", "0")
    assert second.returncode == 1
    assert f"already runs on {desk.folder} (pid {desk.facts()['pid']})" in second.stderr

    key = (desk.folder / "key").read_text()
    down = desk.run("down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert not alive(processes)
    assert desk.run("status").returncode == 3

    allowed_s = 20 * crowdedness(desk)
    begun = time.monotonic()
    again = desk.run("up", "--detach", "--port", "0")
    assert again.returncode == 0, again.stdout + again.stderr
    assert time.monotonic() - begun < allowed_s
    assert (desk.folder / "key").read_text() == key


def test_detached_it_fails_with_the_port_that_is_taken(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = desk.run("up", "--detach", "--port", "0", "--kafka-port", str(port))
    assert up.returncode == 1
    assert f"port {port} on 127.0.0.1, needed for Kafka, is in use by process {os.getpid()}" in up.stdout


def test_ctrl_c_in_the_foreground_stops_everything_and_keeps_the_data(desk: Desk) -> None:
    up = desk.begin("up", *SMALL)
    assert up.stdout is not None
    assert any("The desk is ready" in line for line in up.stdout)
    processes = desk.processes()
    os.killpg(up.pid, signal.SIGINT)
    assert up.wait(60) == 0
    assert not alive(processes)
    assert (desk.folder / "kafka" / "data" / "meta.properties").exists()


def test_ctrl_c_while_it_comes_up_leaves_nothing_either(desk: Desk) -> None:
    up = desk.begin("up", *SMALL)
    assert up.stdout is not None
    assert "Kafka" in up.stdout.readline()
    until(lambda: len(psutil.Process(up.pid).children(recursive=True)) > 1)
    children = psutil.Process(up.pid).children(recursive=True)
    up.send_signal(signal.SIGINT)
    assert up.wait(60) == 130
    assert not alive(children)


def test_killed_servers_are_started_again_and_the_desk_stays(desk: Desk) -> None:
    up = desk.run("up", "--detach", *SMALL)
    assert up.returncode == 0, up.stdout + up.stderr
    servers = {name: desk.pids()[name] for name in ("kafka", "postgresql")}
    for pid in servers.values():
        os.kill(pid, signal.SIGKILL)
    until(lambda: all(desk.pids()[name] != pid for name, pid in servers.items()))
    until(lambda: desk.run("status", "--json").returncode == 0)
    assert desk.run("migrate").returncode == 0


def test_nothing_is_left_when_the_supervisor_is_killed_with_9(desk: Desk) -> None:
    up = desk.run("up", "--detach", *SMALL)
    assert up.returncode == 0, up.stdout + up.stderr
    processes = desk.processes()
    os.kill(int(str(desk.facts()["pid"])), signal.SIGKILL)
    until(lambda: not alive(processes), within_s=30)
    assert desk.run("up", "--detach", *SMALL).returncode == 0
