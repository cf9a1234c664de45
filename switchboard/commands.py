"""Runs commands of services and of our own modules to their end, in the environment of a desk."""

import asyncio
import json
import os
from collections.abc import Mapping
from importlib.util import find_spec

from shared.errors import NotFound, SwitchboardError
from switchboard.embedded.tether import tethered
from switchboard.services import Desk, module_command
from switchboard.supervisor import how_ended


async def output_of(
    desk: Desk, module: str, *arguments: str, service: str | None = None, extra: Mapping[str, str] | None = None
) -> str:
    """Run `python -m module arguments`; gives its standard output, raises with the end of its error output."""
    process = await asyncio.create_subprocess_exec(
        *tethered(module_command(module, *arguments)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**desk.environment(service), **(extra or {})},
        start_new_session=True,
    )
    try:
        stdout, stderr = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        words = "\n".join(stderr.decode("utf-8", "replace").strip().splitlines()[-12:])
        command = " ".join((module, *arguments))
        raise SwitchboardError(f"{command} failed ({how_ended(process.returncode or 0)}):\n{words}", reason="command")
    return stdout.decode("utf-8", "replace")


def keys_in(output: str) -> dict[str, str]:
    """The keys (`…_key`) of the JSON object in the last line of a command's output; none where there is none."""
    lines = output.strip().splitlines()
    try:
        told = json.loads(lines[-1]) if lines else {}
    except ValueError:
        return {}
    if not isinstance(told, dict):
        return {}
    return {name: value for name, value in told.items() if name.endswith("_key") and isinstance(value, str) and value}


def become(module: str, arguments: list[str], environment: dict[str, str]) -> None:
    """Replace this process by `python -m module arguments`, so that signals, output and exit code are its own."""
    if find_spec(module) is None:
        raise NotFound(f"this version has no {module}", reason="no_such_command")
    command = module_command(module, *arguments)
    os.execve(command[0], command, environment)  # noqa: S606 - to become the command is the purpose
