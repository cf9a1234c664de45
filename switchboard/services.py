"""Which services there are and what each is told: known by folder name only, never imported (architecture.md §2)."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared.errors import Conflict, Invalid
from switchboard.embedded.ports import HOST, free_port, require_free

ROOT = Path(__file__).resolve().parents[1]
ORDER = ("gateway", "ingest", "tickets", "routing", "notify", "metrics", "orders", "assist")
FIRST_PORT = 8000


def installed() -> list[str]:
    """The services that are there: folders with a main.py, in the order of their ports."""
    found = {main.parent.name for main in (ROOT / "services").glob("*/main.py")}
    return [name for name in ORDER if name in found] + sorted(found - set(ORDER))


def chosen(only: list[str]) -> list[str]:
    """All services, or those asked for."""
    there = installed()
    unknown = sorted(set(only) - set(there))
    if unknown:
        raise Invalid(f"no such service: {', '.join(unknown)}; there are: {', '.join(there)}", reason="unknown_service")
    return [name for name in there if name in only] if only else there


def ports_for(names: list[str], first: int = FIRST_PORT) -> dict[str, int]:
    """Each service's port: its place in ORDER after `first`, or any free one where `first` is 0; all are free now."""
    if first == 0:
        return _distinct_free(names)
    places = {name: place for place, name in enumerate([*ORDER, *sorted(set(names) - set(ORDER))])}
    ports = {name: first + places[name] for name in names}
    for name, port in ports.items():
        require_free(port, f"the service {name}")
    return ports


def _distinct_free(names: list[str]) -> dict[str, int]:
    found: set[int] = set()
    for _ in range(50 * max(1, len(names))):
        if len(found) == len(names):
            return dict(zip(names, sorted(found), strict=True))
        found.add(free_port())
    raise Conflict("not enough free ports", reason="no_free_port")


@dataclass(frozen=True)
class Desk:
    """Where everything is; the environment of each service and of each operator's command comes from here."""

    kafka: str
    postgres: str
    blobs: str
    key: str
    ports: Mapping[str, int]
    topic_prefix: str = ""
    more: Mapping[str, str] = field(default_factory=dict)
    """Further variables that every service of this desk is given."""

    @property
    def urls(self) -> dict[str, str]:
        """Base URL of each service."""
        return {name: f"http://{HOST}:{port}" for name, port in self.ports.items()}

    def postgres_of(self, service: str) -> str:
        """The service's own database, where the operator named one, else the one for all."""
        return os.environ.get(f"SWITCHBOARD_POSTGRES_{service.upper()}") or self.postgres

    def environment(self, service: str | None = None) -> dict[str, str]:
        """The environment contract; what the operator has set for a single service (…_POSTGRES_TICKETS) stays."""
        variables = {
            "SWITCHBOARD_KAFKA": self.kafka,
            "SWITCHBOARD_POSTGRES": self.postgres,
            "SWITCHBOARD_BLOBS": self.blobs,
            "SWITCHBOARD_KEY": self.key,
            "SWITCHBOARD_TOPIC_PREFIX": self.topic_prefix,
            "SWITCHBOARD_HOST": HOST,
        }
        if self.ports:
            variables["SWITCHBOARD_URLS"] = json.dumps(self.urls)
        if service is not None and service in self.ports:
            variables["SWITCHBOARD_PORT"] = str(self.ports[service])
        return {**self.more, **inherited_environment(), **variables}


def inherited_environment() -> dict[str, str]:
    """Our own environment, with bytecode allowed, so that starts are quick, and the repository as import root."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def module_command(module: str, *arguments: str) -> list[str]:
    """How a module is run in this interpreter's environment."""
    return [sys.executable, "-m", module, *arguments]


def service_command(name: str) -> list[str]:
    """How a service is started: by its name."""
    return module_command(f"services.{name}")
