"""`switchboard agent`: sign in as an agent and work in this terminal."""

import asyncio
import os
import sys
from typing import Annotated

import typer

from shared.errors import SwitchboardError
from switchboard.agent.commands import HELP
from switchboard.agent.signing_in import sign_in
from switchboard.agent.work import work
from switchboard.console import err

ABOUT = f"""Work as an agent in this terminal.

You are asked when a customer's ticket is for you, and the seconds count down; take it, read it, answer it.
While it runs you are there; when it ends, your live tickets go to others after a minute or so.

\b
{HELP}

\b
On the machine of a demo (switchboard up --demo):
    switchboard agent                   as its first agent
    switchboard agent --as bram         as another: a key is made for him, and revoked when he leaves
Anywhere else, with a key of your own:
    export SWITCHBOARD_API_KEY=sb_…
    switchboard agent --url https://desk.example.com
From a script, each line is a command; `a` then waits for an offer:
    printf 'a\\nw Thank you, it is on its way.\\ns solved\\n' | switchboard agent
"""

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


@app.command(help=ABOUT)
def agent(
    as_: Annotated[str | None, typer.Option("--as", help="The agent's id, such as ada.")] = None,
    key: Annotated[
        str | None, typer.Option(envvar="SWITCHBOARD_API_KEY", help="An API key that names an agent.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Address of the desk; else the one that runs here.")] = None,
    wait: Annotated[float, typer.Option(help="From a script: seconds that `a` waits for an offer.")] = 60,
) -> None:
    """See ABOUT."""
    with sign_in(url, key, as_) as me:
        raise typer.Exit(asyncio.run(work(me, wait_s=wait)))


def main() -> None:
    """Run it; our own errors are one plain message."""
    try:
        app(prog_name="switchboard agent")
    except SwitchboardError as error:
        err.print(f"[red]error:[/] {error}")
        raise SystemExit(1) from None
    except (KeyboardInterrupt, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


if __name__ == "__main__":
    main()
