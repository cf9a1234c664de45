"""Dead letters over all services: each keeps its own, the operator asks one or all."""

import subprocess
import sys

from shared.errors import Invalid
from switchboard.services import Desk, installed, module_command


def dead_letters(desk: Desk, arguments: list[str]) -> int:
    """Pass the arguments on to the service that is named first, else to all; gives the worst exit code."""
    services = installed()
    if arguments and arguments[0] in services:
        return _ask(desk, arguments[0], arguments[1:])
    if any(word.isdigit() for word in arguments):
        raise Invalid("a number belongs to one service; name it: switchboard dlq SERVICE retry NUMBER", reason="dlq")
    return max((_ask(desk, name, arguments or ["list"]) for name in services), default=0)


def _ask(desk: Desk, service: str, arguments: list[str]) -> int:
    command = module_command(f"services.{service}", "dlq", *arguments)
    environment = desk.environment(service)
    answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603 - ours
    for line in answer.stdout.splitlines():
        sys.stdout.write(f"{service}\t{line}\n")
    return answer.returncode
