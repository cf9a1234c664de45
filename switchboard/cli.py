"""The operator's command line: what it can do, told so that it can be learnt from `--help` alone."""

import asyncio
import contextlib
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from shared.errors import SwitchboardError
from switchboard import services
from switchboard.commands import become
from switchboard.console import err, out
from switchboard.dead_letters import dead_letters
from switchboard.detach import up_detached
from switchboard.down import down as stop
from switchboard.installation import DEFAULT_FOLDER, Installation
from switchboard.migrate import migrate as migrate_all
from switchboard.services import FIRST_PORT, inherited_environment
from switchboard.status import two_looks
from switchboard.status_view import as_json, as_table, watch
from switchboard.up import Options
from switchboard.up import up as run_up

ABOUT = """Switchboard: the support desk of an online shop, as services on Kafka and PostgreSQL.

\b
A first look, on this machine alone:
    switchboard up --demo      start everything, with a demo shop; Ctrl-C stops it
    switchboard up --detach    start everything in the background
    switchboard status         what runs, and how it goes
    switchboard down           stop it; the data stays

\b
Against servers of your own:
    export SWITCHBOARD_KAFKA=kafka:9092
    export SWITCHBOARD_POSTGRES=postgresql://user@host/database
    switchboard up

Everything is kept in one folder, .switchboard by default; --data names another.
"""

Result = TypeVar("Result")

app = typer.Typer(
    help=ABOUT, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False
)

Data = Annotated[Path, typer.Option("--data", envvar="SWITCHBOARD_DATA", help="Folder of this installation.")]
_PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command()
def up(
    data: Data = DEFAULT_FOLDER,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return when all is ready; `down` stops it.")] = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="A demo shop: an hour of its traffic, customers who get answers.")
    ] = False,
    only: Annotated[list[str] | None, typer.Option("--only", help="Start only this service (repeatable).")] = None,
    port: Annotated[
        int, typer.Option("--port", help="Port of the gateway; the others follow it. 0: any free ones.")
    ] = FIRST_PORT,
    kafka_port: Annotated[int | None, typer.Option(help="Port of the embedded Kafka; else any, kept.")] = None,
    postgres_port: Annotated[
        int | None, typer.Option(help="Also let the embedded PostgreSQL listen on this port (password in the folder).")
    ] = None,
    sync: Annotated[
        bool, typer.Option("--sync", help="Flush each accepted record to the disk: survives a power cut, 2.5× slower.")
    ] = False,
) -> None:
    """Start the desk and keep it running.

    SWITCHBOARD_KAFKA, SWITCHBOARD_POSTGRES and SWITCHBOARD_BLOBS name servers of your own instead of embedded ones.
    The second start takes seconds: what was downloaded and stored is kept. Ctrl-C stops everything in order.
    """
    installation = Installation(data)
    options = Options(only or [], port, kafka_port, postgres_port, demo, sync)
    if detach:
        raise typer.Exit(up_detached(installation, _up_arguments(installation, options)))
    with installation.locked():
        code = _run(run_up(installation, options))
    raise typer.Exit(code)


def _up_arguments(installation: Installation, options: Options) -> list[str]:
    arguments = ["--data", str(installation.folder), "--port", str(options.first_port)]
    for name in options.only:
        arguments += ["--only", name]
    if options.kafka_port is not None:
        arguments += ["--kafka-port", str(options.kafka_port)]
    if options.postgres_port is not None:
        arguments += ["--postgres-port", str(options.postgres_port)]
    return arguments + ["--demo"] * options.demo + ["--sync"] * options.sync


@app.command()
def down(
    data: Data = DEFAULT_FOLDER,
    timeout: Annotated[float, typer.Option(help="Seconds to wait before giving up.")] = 90,
) -> None:
    """Stop everything and wait until nothing is left.

    The data stays in the folder."""
    installation = Installation(data)
    stopped = stop(installation, timeout_s=timeout)
    out.print("everything is stopped" if stopped else f"nothing runs on {installation.folder}")


@app.command()
def status(
    data: Data = DEFAULT_FOLDER,
    json_: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
    once: Annotated[bool, typer.Option("--once", help="One look, also on a terminal, where it is live.")] = False,
) -> None:
    """Show what runs and how it goes: queues, agents, lag, rates.

    Live on a terminal until Ctrl-C; one look where the output goes elsewhere. Exit code 0 when all is ready, 1 when
    something is not, 3 when nothing runs.
    """
    installation = Installation(data)
    if installation.running() is None:
        err.print(f"nothing runs on {installation.folder}; start it with `switchboard up`")
        raise typer.Exit(3)
    if not json_ and not once and out.is_terminal:
        with contextlib.suppress(KeyboardInterrupt):
            _run(watch(installation, out))
        return
    seen = _run(two_looks(installation))
    if json_:
        out.print_json(data=as_json(seen))
    else:
        out.print(as_table(seen))
    raise typer.Exit(0 if seen.ready else 1)


@app.command()
def migrate(data: Data = DEFAULT_FOLDER) -> None:
    """Make topics and tables of this version.

    `up` does it by itself. Works on what runs on the folder, else on SWITCHBOARD_KAFKA and SWITCHBOARD_POSTGRES.
    Running it again is harmless.
    """
    desk = Installation(data).desk()
    made = _run(migrate_all(desk, list(desk.ports) or services.installed()))
    out.print(f"topics made: {', '.join(made) or 'none, all were there'}; tables of every service are up to date")


@app.command(context_settings=_PASSED_ON)
def dlq(context: typer.Context, data: Data = DEFAULT_FOLDER) -> None:
    """Dead letters: records that could not be handled.

    Numbers belong to one service, so name it first; without a service all are asked.

    \b
        switchboard dlq list
        switchboard dlq tickets retry 17
        switchboard dlq retry --topic ticket-events
        switchboard dlq tickets discard 17
        switchboard dlq resume inbound-messages      after too many of them stopped a topic
    """
    raise typer.Exit(dead_letters(Installation(data).desk(), context.args))


def _passed_on(name: str, module: str, help_: str, *, anywhere: bool = False, otherwise: str = "") -> None:
    """A command that another module does: its arguments, output and exit code are that module's own.

    `anywhere`: it can do something without a desk on this machine, such as ask one elsewhere.
    `otherwise` is asked where nothing is: a service that is asked nothing would serve.
    """

    def command(context: typer.Context, data: Data = DEFAULT_FOLDER) -> None:
        installation = Installation(data)
        environment = inherited_environment()
        if not (anywhere or "--help" in context.args) or installation.running() is not None:
            environment = installation.desk().environment()
        arguments = context.args or otherwise.split()
        become(module, arguments, {**environment, **installation.command_environment()})

    app.command(name, help=help_, context_settings={**_PASSED_ON, "help_option_names": []})(command)


_passed_on("settings", "switchboard.settings_apply", "Settings as files: settings apply shop.yaml.", anywhere=True)
_passed_on("agent", "switchboard.agent", "Work as an agent in this terminal: agent --as ada.", anywhere=True)
_passed_on("verify", "switchboard.verify", "Check every invariant over the databases and the log.")
_passed_on("corpus", "switchboard.corpus", "Read recorded payloads with our parsers: corpus FOLDER.", anywhere=True)
_passed_on("bench", "bench", "Measure the pipeline beside the bare floor, on a stack of its own.", anywhere=True)
_passed_on(
    "metrics", "services.metrics", "Facts anew from the log: metrics rebuild, or rebuild --verify.", otherwise="-h"
)
_passed_on("seed", "switchboard.seed", "Make the demo's workspace and play its traffic.")


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run it; of several things that went wrong at once the first is told."""
    try:
        return asyncio.run(work)
    except BaseExceptionGroup as group:
        ours, others = group.split(SwitchboardError)
        if ours is None or others is not None:
            raise
        error: BaseException = ours
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


def main() -> None:
    """Run the command line; our own errors are one plain message, anything else is a bug and shows its trace."""
    try:
        app(prog_name="switchboard")
    except SwitchboardError as error:
        err.print(f"[red]error:[/] {error}")
        raise SystemExit(1) from None
