"""An agent's session: the stream on one side, what he types on the other, one screen between them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from shared.errors import MayPass, Refused
from switchboard.agent.commands import Desk, Quit, run
from switchboard.agent.hands import Hands
from switchboard.agent.keyboard import Typing, scripted, typed
from switchboard.agent.show import escape, offer_line
from switchboard.agent.signing_in import Me
from switchboard.agent.stream import Told, listen


async def work(me: Me, *, wait_s: float) -> int:
    """Work until he leaves; 1 where a script's command was refused."""
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    console = Console(highlight=False, soft_wrap=True)
    desk = Desk(me.api(), Hands(me.agent), console.print, asyncio.Event(), 0 if interactive else wait_s)
    async with _listening(me, desk):
        await run(desk, "p available")
        if interactive:
            with typed() as typing, _screen(console, desk, typing):
                return await _obey(desk, typing.lines(), patient=True)
        return await _obey(desk, scripted(), patient=False)


async def _obey(desk: Desk, lines: AsyncIterator[str], *, patient: bool) -> int:
    """Do what each line says; 1 where one was refused, unless a person can try again."""
    refused = False
    try:
        async for line in lines:
            refused |= not await run(desk, line)
    except Quit:
        pass
    return int(refused and not patient)


@asynccontextmanager
async def _listening(me: Me, desk: Desk) -> AsyncIterator[None]:
    """Hear what happens meanwhile; being heard is being there, so work begins once the stream is open."""
    ready = asyncio.Event()
    hearing = asyncio.create_task(_hear(me, desk, ready))
    opened = asyncio.create_task(ready.wait())
    await asyncio.wait({hearing, opened}, return_when=asyncio.FIRST_COMPLETED)
    opened.cancel()
    if hearing.done():
        hearing.result()
    try:
        yield
    finally:
        hearing.cancel()
        with suppress(asyncio.CancelledError):
            await hearing


async def _hear(me: Me, desk: Desk, ready: asyncio.Event) -> None:
    connected = True
    try:
        async for told in listen(me):
            if told.name == "away":
                if connected:
                    desk.say("[red]the desk does not answer; connecting again…[/]")
                connected = False
                continue
            connected = True
            try:
                await _happened(desk, told)
            except (Refused, MayPass) as error:
                desk.say(f"[dim]{escape(str(error))}[/]")
            ready.set()
    except Refused as error:
        desk.say(f"[red]{escape(str(error))}; q leaves[/]")


async def _happened(desk: Desk, told: Told) -> None:
    """Tell him what concerns him: his offers, and what becomes of his tickets."""
    body, hands = told.body, desk.hands
    if told.name in ("hello", "resync"):
        await desk.refresh_offers()
    elif told.name == "routing.offered" and body.get("agent") == hands.agent:
        if (offer := hands.offer(body["offer"], body["ticket"], body["lease_until"])) is not None:
            await desk.ring(offer)
    elif told.name == "routing.offer-ended" and body.get("asked") == hands.agent:
        if (offer := hands.offer_ended(body["ticket"])) is not None:
            desk.say(f"[dim]offer {offer.number} is over: {body.get('outcome')}[/]")
    elif told.name == "routing.assigned" and body.get("agent") == hands.agent:
        if hands.offer_ended(body["ticket"]) is None and body["ticket"] != hands.current:
            desk.say(f"[green]ticket {hands.number(body['ticket'])} is yours: {body.get('reason')}[/]")
    elif told.name == "delivery.changed" and body.get("ticket") == hands.current:
        desk.say(f"[dim]your answer: {body.get('state')} {body.get('reason', '')}[/]".rstrip())
    elif told.name == "ticket.message-added" and (body.get("ticket"), body.get("author")) == (
        hands.current,
        "customer",
    ):
        desk.say("[yellow]the customer wrote; r shows it[/]")
    elif told.name == "agent.presence-changed" and body.get("agent") == hands.agent:
        _presence(desk, str(body.get("presence")), str(body.get("reason")))


def _presence(desk: Desk, presence: str, reason: str) -> None:
    if presence in ("away", "offline"):
        desk.say(f"[yellow]you are {presence} ({reason}); p available brings you back[/]")


@contextmanager
def _screen(console: Console, desk: Desk, typing: Typing) -> Iterator[None]:
    """Offers with their seconds and the line that is typed stay at the foot; all else scrolls above."""

    def foot() -> Group:
        now = datetime.now(UTC)
        offers = [Text.from_markup(offer_line(offer, now)) for offer in desk.hands.offers(now)]
        return Group(*offers, Text(f"{desk.hands.agent}> {typing.text}"))

    console.print("[dim]h shows what you can do[/]")
    with Live(get_renderable=foot, console=console, refresh_per_second=8, transient=True):
        yield
