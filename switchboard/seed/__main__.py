"""`python -m switchboard.seed [workspace|traffic]`: make the demo's workspace, play its traffic, or both."""

import asyncio
import json
import time
from collections import Counter
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from shared.errors import Refused, SwitchboardError
from switchboard.console import err, out
from switchboard.desk_api import service_urls
from switchboard.seed.documents import WORKSPACE
from switchboard.seed.plan import Arrival, arrivals
from switchboard.seed.play import Play, play
from switchboard.seed.workspace import hand_out_keys, make, operator, secret, take_back_keys

ABOUT = """The demo: a workspace with two shops and six agents, and an hour of its customers in a minute.

Run again, it makes nothing twice: documents stay as they are, and a message that was delivered before is the same one.
"""
LINE_EVERY_S = 10.0

app = typer.Typer(help=ABOUT, rich_markup_mode=None, add_completion=False)

Seconds = Annotated[float, typer.Option("--seconds", min=0.1, help="How long the hour takes.")]
Messages = Annotated[int, typer.Option("--messages", min=0, max=100_000, help="How many messages customers write.")]


@app.callback(invoke_without_command=True)
def both(context: typer.Context, seconds: Seconds = 60, messages: Messages = 120) -> None:
    """Make the workspace, then play its traffic."""
    if context.invoked_subcommand is None:
        workspace()
        traffic(seconds, messages)


@app.command()
def workspace() -> None:
    """Make the demo's workspace; the last line is JSON with the first agent's key."""
    keys = make()
    print(json.dumps({"workspace": WORKSPACE, **keys}))


@app.command()
def traffic(seconds: Seconds = 60, messages: Messages = 120) -> None:
    """Play an hour of traffic: messages come in over the edge, agents take them, decline, miss and solve."""
    hour = arrivals(messages)
    api = operator()
    keys = hand_out_keys(api)
    try:
        played = _shown(hour, seconds, keys)
    finally:
        take_back_keys(api)
    out.print(f"played {messages} messages in {seconds:g} s: {_words(played.counts)}", markup=False)
    if played.counts["refused"]:
        raise Refused(f"{played.counts['refused']} messages were refused; the first: {played.refusal}")


def _shown(hour: list[Arrival], seconds: float, keys: dict[str, str]) -> Play:
    """Play, with a bar on a terminal and a line now and then elsewhere."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}"))
    with Progress(*columns, TimeElapsedColumn(), console=out, disable=not out.is_terminal) as bar:
        task = bar.add_task("customers write", total=len(hour))
        said = time.monotonic()

        def progress(counts: Counter[str]) -> None:
            nonlocal said
            bar.update(task, completed=counts["accepted"] + counts["refused"], description=_words(counts))
            if not out.is_terminal and time.monotonic() - said > LINE_EVERY_S:
                said = time.monotonic()
                out.print(_words(counts), markup=False)

        return asyncio.run(
            play(hour, seconds=seconds, urls=service_urls(), secret=secret(), keys=keys, progress=progress)
        )


def _words(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in counts.items()) or "nothing yet"


def main() -> None:
    """Run the commands; our own errors are one plain message."""
    try:
        app(prog_name="switchboard seed")
    except SwitchboardError as error:
        err.print(f"error: {error}", style="red", markup=False)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
