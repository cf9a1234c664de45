"""Offers, tickets and timelines as lines of text."""

from datetime import datetime
from typing import Any

from rich.markup import escape as escape_markup

from switchboard.agent.hands import Offer

_COLOURS = {"new": "yellow", "open": "yellow", "pending": "blue", "on-hold": "blue", "solved": "green"}


_JOINERS = "\u200c\u200d\n\t"
"""Persian and many emoji are written with the joiners; other invisible characters may steer a terminal."""


def escape(text: str) -> str:
    """Text of others, so that it neither colours nor steers the terminal."""
    return escape_markup("".join(char if char.isprintable() or char in _JOINERS else "\ufffd" for char in text))


def offer_line(offer: Offer, now: datetime) -> str:
    """An offer that rings; what it is about is escaped already."""
    return f"[bold yellow]▶ offer {offer.number}[/]  {offer.about}  [bold]{offer.left_s(now)} s[/]  [dim]a: accept[/]"


def ticket_line(number: int, ticket: dict[str, Any]) -> str:
    """A ticket on one line."""
    colour = _COLOURS.get(ticket["state"], "dim")
    subject = escape(ticket["subject"] or "no subject")
    return (
        f"[bold]{number:>3}[/] [{colour}]{ticket['state']:<8}[/] {ticket['channel']} · {subject} [dim]{ticket['id']}[/]"
    )


def entry_line(entry: dict[str, Any]) -> str:
    """A line of a timeline: who said what, or what happened."""
    at = entry["at"][11:16]
    if entry["text"] is None and not entry.get("withdrawn_at"):
        detail = ", ".join(f"{name} {value}" for name, value in sorted(entry["detail"].items()) if value is not None)
        return f"    [dim]{at} {escape(entry['what'])} {escape(detail)}[/]"
    who = entry.get("by") or entry["author"] or "?"
    marks = [entry[name] for name in ("delivery", "delivery_reason") if entry.get(name)]
    if entry["what"] == "note":
        marks.append("note")
    if entry.get("edited_at"):
        marks.append("edited")
    marks += [f"{one['emoji']} {one['author']}" for one in entry.get("reactions", ())]
    mark = f" [dim]{escape(' '.join(marks))}[/]" if marks else ""
    return f"    [dim]{at}[/] [bold]{escape(who)}[/]: {_words(entry)}{mark}"


def _words(entry: dict[str, Any]) -> str:
    """What was said, as it stands."""
    return "[dim]withdrawn[/]" if entry["text"] is None else escape(entry["text"])
