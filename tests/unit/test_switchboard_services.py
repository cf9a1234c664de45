"""Which services there are, their ports, and what each is told."""

import json
import os
import socket
from dataclasses import replace

import pytest

from shared.errors import Conflict, Invalid
from switchboard import services
from switchboard.commands import keys_in
from switchboard.services import Desk, chosen, installed, ports_for
from switchboard.supervisor import LONGEST_PAUSE_S, Kept, how_ended

DESK = Desk("127.0.0.1:9092", "postgresql:///switchboard", "/blobs", "secret", {"gateway": 8000, "tickets": 8002})


def test_every_folder_with_a_main_is_a_service() -> None:
    folders = {main.parent.name for main in (services.ROOT / "services").glob("*/main.py")}
    assert set(installed()) == folders


def test_an_unknown_service_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match="no such service: nonsense"):
        chosen(["nonsense"])


def test_each_service_has_its_own_place_after_the_first_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "require_free", lambda port, purpose: None)
    assert ports_for(["gateway", "tickets", "metrics"], 9000) == {"gateway": 9000, "tickets": 9002, "metrics": 9005}


def test_a_port_in_use_is_named_with_its_service() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"port {port} on 127.0.0.1, needed for the service gateway, is in use"):
            ports_for(["gateway"], port)


def test_free_ports_are_all_different() -> None:
    names = [f"service{number}" for number in range(20)]
    assert len(set(ports_for(names, 0).values())) == len(names)


def test_a_service_is_told_where_everything_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("SWITCHBOARD_POSTGRES_TICKETS", "postgresql://elsewhere/tickets")
    told = DESK.environment("tickets")
    assert told["SWITCHBOARD_KAFKA"] == "127.0.0.1:9092"
    assert told["SWITCHBOARD_PORT"] == "8002"
    assert told["SWITCHBOARD_KEY"] == "secret"
    assert json.loads(told["SWITCHBOARD_URLS"]) == {
        "gateway": "http://127.0.0.1:8000",
        "tickets": "http://127.0.0.1:8002",
    }
    assert told["SWITCHBOARD_POSTGRES_TICKETS"] == "postgresql://elsewhere/tickets"
    assert "PYTHONDONTWRITEBYTECODE" not in told
    assert told["PATH"] == os.environ["PATH"]


def test_a_service_that_keeps_failing_is_started_ever_less_often() -> None:
    async def nothing() -> None: ...

    async def ended() -> int:
        return 1

    pauses = [Kept("tickets", nothing, ended, failures=failures).pause_s() for failures in range(1, 20)]
    assert pauses == sorted(pauses)
    assert pauses[0] <= 0.25
    assert pauses[-1] == LONGEST_PAUSE_S


@pytest.mark.parametrize(("code", "words"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "killed by SIGKILL")])
def test_an_end_is_told_in_words(code: int, words: str) -> None:
    assert how_ended(code) == words


@pytest.mark.parametrize(
    ("output", "keys"),
    [
        ('{"admin_key": "a", "installation_key": "i"}\n', {"admin_key": "a", "installation_key": "i"}),
        ('a line before\n{"agent_key": "g", "workspace": "demo", "admin_key": null}', {"agent_key": "g"}),
        ("no json", {}),
        ("[1]", {}),
        ("", {}),
    ],
)
def test_keys_are_taken_from_the_last_line_of_a_command(output: str, keys: dict[str, str]) -> None:
    assert keys_in(output) == keys


def test_the_operators_own_word_stands_before_what_a_desk_adds(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = replace(DESK, more={"SWITCHBOARD_ALLOW_PRIVATE_URLS": "true"})
    monkeypatch.delenv("SWITCHBOARD_ALLOW_PRIVATE_URLS", raising=False)
    assert desk.environment("tickets")["SWITCHBOARD_ALLOW_PRIVATE_URLS"] == "true"
    assert "SWITCHBOARD_ALLOW_PRIVATE_URLS" not in DESK.environment("tickets")
    monkeypatch.setenv("SWITCHBOARD_ALLOW_PRIVATE_URLS", "false")
    assert desk.environment("tickets")["SWITCHBOARD_ALLOW_PRIVATE_URLS"] == "false"
