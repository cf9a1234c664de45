"""The demo beside the desk: its customers' side as a process, its workspace, and an hour of traffic that plays on."""

import asyncio
import json
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shared.errors import SwitchboardError
from switchboard.commands import keys_in, output_of
from switchboard.console import step
from switchboard.embedded.ports import HOST, free_port, is_free, remembered_port
from switchboard.embedded.process import ServerProcess
from switchboard.installation import Installation
from switchboard.services import Desk, module_command
from switchboard.supervisor import Notice

ALLOWED = {"SWITCHBOARD_ALLOW_PRIVATE_URLS": "true"}
"""What services of a demo are told, unless the operator says otherwise: its customers are on this machine."""
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 10.0


def there() -> bool:
    """Whether this version has a demo."""
    return find_spec("switchboard.seed") is not None


class Customers:
    """The customers' side: takes what the demo's accounts send, and keeps it in a file of the installation."""

    def __init__(self, desk: Desk, installation: Installation) -> None:
        self._desk = desk
        folder = installation.folder
        self._ports = {name: _port(folder / f"customers.{name}") for name in ("web_port", "mail_port")}
        self._kept_in = folder / "customers.jsonl"
        self._process = ServerProcess("the customers' side", installation.logs / "customers.log")

    @property
    def place(self) -> dict[str, Any]:
        """Where it is, as every command of this installation is told."""
        return {**self._ports, "kept_in": str(self._kept_in)}

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    async def start(self) -> None:
        """Return when it takes messages."""
        environment = self._desk.environment() | {"SWITCHBOARD_CUSTOMERS": json.dumps(self.place)}
        await self._process.spawn(module_command("switchboard.seed.customers"), env=environment)
        await self._process.until(self._listens, timeout_s=_START_TIMEOUT_S)

    async def _listens(self) -> bool:
        try:
            for port in self._ports.values():
                _, writer = await asyncio.open_connection(HOST, port)
                writer.close()
        except OSError:
            return False
        return True

    async def ended(self) -> int:
        """Wait for its end."""
        return await self._process.ended()

    async def stop(self) -> None:
        """Ask it to end, and wait."""
        await self._process.stop(signal.SIGTERM, timeout_s=_STOP_TIMEOUT_S)


def _port(file: Path) -> int:
    """The port of last time, so that answers which still wait arrive; another one where somebody else has that."""
    port = remembered_port(file, None)
    return port if is_free(port) else remembered_port(file, free_port())


async def make_workspace(installation: Installation, desk: Desk, customers: Customers) -> None:
    """The demo's workspace and agents; their keys are kept."""
    with step("demo: a workspace with two shops and six agents"):
        told = await output_of(desk, "switchboard.seed", "workspace", extra=_environment(installation, customers))
        installation.keep_access_keys(keys_in(told))


async def play_traffic(installation: Installation, desk: Desk, customers: Customers, notice: Notice) -> None:
    """Customers and agents of the demo; they need the desk, the desk does not need them."""
    notice("demo: an hour of the shop's traffic plays now, in a minute")
    try:
        told = await output_of(desk, "switchboard.seed", "traffic", extra=_environment(installation, customers))
    except SwitchboardError as error:
        notice(f"demo: {error}")
    else:
        notice(f"demo: {(told.strip().splitlines() or ['played'])[-1]}")


def _environment(installation: Installation, customers: Customers) -> dict[str, str]:
    return {**installation.command_environment(), "SWITCHBOARD_CUSTOMERS": json.dumps(customers.place)}
