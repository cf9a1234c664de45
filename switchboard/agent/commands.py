"""What an agent can do with one letter; the table at the foot is all there is, and `--help` and `h` show it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from shared.errors import MayPass, Refused
from switchboard.agent.hands import Hands, Offer
from switchboard.agent.show import entry_line, escape, offer_line, ticket_line
from switchboard.desk_api import DeskApi

TRIES = 5
Say = Callable[[str], None]


class Quit(Exception):
    """The agent leaves."""


@dataclass
class Desk:
    """The agent at his desk."""

    api: DeskApi
    hands: Hands
    say: Say
    offered: asyncio.Event
    wait_s: float = 0
    """How long `a` waits for an offer: a script cannot see one come."""

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        """One request; a command is repeated with the same Idempotency-Key until it is known what came of it."""
        if method == "GET":
            return await asyncio.to_thread(self.api.ask, method, path, **more)
        headers = {"idempotency-key": str(uuid4())}
        for number in range(1, TRIES + 1):
            try:
                return await asyncio.to_thread(self.api.ask, method, path, headers=headers, **more)
            except MayPass:
                if number == TRIES:
                    raise
                await asyncio.sleep(0.2 * 2**number)
        raise AssertionError("unreachable")

    async def refresh_offers(self) -> None:
        """All offers there are; new ones ring."""
        items = (await self.ask("GET", "/v1/offers"))["items"]
        for offer in self.hands.only_offers(items):
            await self.ring(offer)

    async def ring(self, offer: Offer) -> None:
        """Tell him of an offer."""
        ticket = await self.ask("GET", f"/v1/tickets/{offer.ticket}", missing_ok=True)
        about = escape(f"{ticket['channel']} · {ticket['subject'] or 'no subject'}") if ticket else "a ticket"
        self.say(offer_line(self.hands.describe(offer, about), datetime.now(UTC)))
        self.offered.set()

    def ticket(self, number: str) -> str:
        """The ticket of this number, or the one in hand; raises Refused where there is none."""
        found = self.hands.ticket(int(number)) if number.isdigit() else self.hands.current if not number else None
        if found is None:
            raise Refused(f"there is no ticket {number}; l lists yours" if number else "no ticket in hand; a, l or r N")
        return found

    async def an_offer(self, number: str) -> Offer:
        """The offer of this number, or the one that lapses first."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.wait_s
        while True:
            self.offered.clear()
            open_ = self.hands.offers(datetime.now(UTC))
            wanted = [offer for offer in open_ if not number or str(offer.number) == number]
            if wanted:
                return wanted[0]
            try:
                async with asyncio.timeout(until - loop.time()):
                    await self.offered.wait()
            except TimeoutError as error:
                raise Refused(f"there is no open offer {number}".rstrip()) from error


async def _accept(desk: Desk, rest: str) -> None:
    offer = await desk.an_offer(rest)
    await desk.ask("POST", f"/v1/offers/{offer.id}/accept")
    desk.hands.offer_ended(offer.ticket)
    desk.hands.current = offer.ticket
    desk.say(f"[green]ticket {desk.hands.number(offer.ticket)} is yours[/]")
    await _read(desk, "")


async def _decline(desk: Desk, rest: str) -> None:
    reason, _, number = rest.partition(" ")
    offer = await desk.an_offer(number)
    await desk.ask("POST", f"/v1/offers/{offer.id}/decline", json={"reason": reason or "busy"})
    desk.hands.offer_ended(offer.ticket)
    desk.say(f"offer {offer.number} goes to somebody else")


async def _list(desk: Desk, _rest: str) -> None:
    items = (await desk.ask("GET", "/v1/tickets", params={"assignee": desk.hands.agent, "limit": 50}))["items"]
    yours = [ticket for ticket in items if ticket["state"] not in ("solved", "closed")]
    for ticket in reversed(yours):
        desk.say(ticket_line(desk.hands.number(ticket["id"]), ticket))
    if not yours:
        desk.say("you hold no ticket")


async def _read(desk: Desk, rest: str) -> None:
    id_ = desk.ticket(rest)
    ticket = await desk.ask("GET", f"/v1/tickets/{id_}")
    desk.hands.current = id_
    desk.hands.seen[id_] = ticket["version"]
    desk.say(ticket_line(desk.hands.number(id_), ticket))
    if ticket.get("reply_window_closes_at"):
        desk.say(f"    [dim]text may go until {ticket['reply_window_closes_at'][:16]}Z, later only a template[/]")
    for entry in (await desk.ask("GET", f"/v1/tickets/{id_}/timeline", params={"limit": 200}))["items"]:
        desk.say(entry_line(entry))


async def _write(desk: Desk, rest: str) -> None:
    await _append(desk, "answers", _words(rest, "w"))
    desk.say("[green]your answer is on its way[/]")


async def _note(desk: Desk, rest: str) -> None:
    await _append(desk, "notes", _words(rest, "n"))
    desk.say("noted")


async def _append(desk: Desk, what: str, text: str) -> None:
    """Add to the ticket in hand; refused where something was said that he has not read."""
    id_ = desk.ticket("")
    body = {"text": text} | ({"seen_up_to": desk.hands.seen[id_]} if id_ in desk.hands.seen else {})
    written = await desk.ask("POST", f"/v1/tickets/{id_}/{what}", json=body)
    desk.hands.seen[id_] = written["ticket"]["version"]


async def _state(desk: Desk, rest: str) -> None:
    after = await desk.ask("POST", f"/v1/tickets/{desk.ticket('')}/state", json={"state": rest})
    desk.say(f"ticket {desk.hands.number(after['id'])} is {after['state']}")


async def _presence(desk: Desk, rest: str) -> None:
    presence, _, reason = rest.partition(" ")
    body = {"presence": presence or "available"} | ({"reason": reason} if reason else {})
    told = await desk.ask("PUT", "/v1/presence", json=body)
    desk.say(f"you are {told['presence']}" + (f" ({told['reason']})" if told["presence"] == "away" else ""))


async def _help(desk: Desk, _rest: str) -> None:
    desk.say(escape(HELP))


async def _quit(_desk: Desk, _rest: str) -> None:
    raise Quit


def _words(text: str, letter: str) -> str:
    if not text:
        raise Refused(f"what? {letter} TEXT")
    return text


@dataclass(frozen=True, slots=True)
class Command:
    """A letter, what follows it, what it is for, and what it does."""

    letter: str
    rest: str
    what: str
    do: Callable[[Desk, str], Awaitable[None]]


COMMANDS = (
    Command("a", "[OFFER]", "accept the offer (the one that lapses first, or that number)", _accept),
    Command("d", "REASON [OFFER]", "decline it: busy, break, wrong-skill, wrong-language, other…", _decline),
    Command("l", "", "list your tickets", _list),
    Command("r", "[N]", "read ticket N, which is then the one in hand", _read),
    Command("w", "TEXT", "write an answer to the customer", _write),
    Command("n", "TEXT", "write a note that only the desk sees", _note),
    Command("s", "STATE", "set the state: open, pending, on-hold, solved", _state),
    Command("p", "PRESENCE [REASON]", "say where you are: available, away lunch, finishing", _presence),
    Command("h", "", "show this", _help),
    Command("q", "", "leave", _quit),
)

HELP = "\n".join(f"    {one.letter + ' ' + one.rest:<22} {one.what}" for one in COMMANDS)
_BY_LETTER = {one.letter: one for one in COMMANDS}


async def run(desk: Desk, line: str) -> bool:
    """Do what a line says; False where it was refused. Raises Quit."""
    letter, _, rest = line.strip().partition(" ")
    if not letter:
        return True
    command = _BY_LETTER.get(letter)
    try:
        if command is None:
            raise Refused(f"there is no command {letter}; h shows all")
        await command.do(desk, rest.strip())
    except (Refused, MayPass) as error:
        fields = "".join(f"; {field['pointer']}: {field['detail']}" for field in error.fields)
        desk.say(f"[red]{escape(str(error) + fields)}[/]")
        return False
    return True
