"""What the operator sees: one line a step with its time, problems in plain words."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announce a step and say how long it took; where it fails, which one."""
    begun = time.monotonic()
    out.print(f"[dim]…[/] {title}")
    try:
        yield
    except asyncio.CancelledError:  # stopped, or something beside it failed
        out.print(f"[dim]– {title} (given up after {time.monotonic() - begun:.1f} s)[/]")
        raise
    except BaseException:
        out.print(f"[red]✗[/] {title} [dim](after {time.monotonic() - begun:.1f} s)[/]")
        raise
    out.print(f"[green]✓[/] {title} [dim]({time.monotonic() - begun:.1f} s)[/]")


class Download:
    """Progress of a download: in place on a terminal, a line each tenth otherwise."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._begun = time.monotonic()
        self._tenth = -1

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` bytes are here."""
        tenth = 10 * done // max(1, total)
        if tenth == self._tenth:
            return
        self._tenth = tenth
        seconds = time.monotonic() - self._begun
        line = f"    {self.what}: {done / 1e6:.1f} of {total / 1e6:.1f} MB, {seconds:.0f} s"
        if sys.stdout.isatty():
            print(f"\r{line}", end="" if done < total else "\n", flush=True)
        else:
            out.print(line)
