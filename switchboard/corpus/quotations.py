"""Recorded replies: whether what their writers wrote is cut from what they quote, neither too much nor too little."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from shared.channels.formats import rfc822
from shared.channels.formats.quotes import visible_html, visible_text
from switchboard.corpus.agreement import squeezed
from switchboard.corpus.layout import Item

How = Literal["right", "cut too much", "cut too little", "cut elsewhere"]


@dataclass(frozen=True, slots=True)
class Cut:
    """What is left of a reply, what should be, and how the two differ."""

    how: How
    wanted: str
    visible: str


def cut(item: Item) -> Cut:
    """Cut the reply, and hold what is left against the facts."""
    facts = item.facts
    visible, source, spaces_count = _visible(item)
    if facts.get("visible_reply") is None and facts.get("visible_text") is None:
        return _by_excluded(visible, facts)
    wanted = facts.get("visible_text", facts.get("visible_reply"))
    if facts.get("unchanged") and "visible_text" not in facts:
        wanted = source
    if spaces_count and facts.get("compare", "exact") == "exact":
        return _held(visible.strip(), str(wanted).strip())
    return _held(squeezed(visible), squeezed(wanted))


def _held(visible: str, wanted: str) -> Cut:
    return Cut(_how(visible, wanted), wanted, visible)


def _how(visible: str, wanted: str) -> How:
    if visible == wanted:
        return "right"
    if len(visible) == len(wanted):
        return "cut elsewhere"
    return "cut too much" if len(visible) < len(wanted) else "cut too little"


def _by_excluded(visible: str, facts: Any) -> Cut:
    """Where the facts only say what must be gone."""
    excluded = facts.get("visible_reply_excludes")
    if not visible.strip() and facts.get("visible_reply_not_empty"):
        return Cut("cut too much", "something", visible)
    if excluded and excluded in visible:
        return Cut("cut too little", f"nothing with {excluded}", visible)
    return Cut("right", "", visible)


def _visible(item: Item) -> tuple[str, str, bool]:
    """What is left of it, what it was, and whether spaces may be compared: never where it came from HTML."""
    form = item.kind.partition(".")[2]
    raw = item.path.read_bytes()
    source = json.loads(raw)["input"] if item.path.suffix == ".json" else raw.decode("utf-8", "replace")
    if "html" in form:
        return visible_html(source), source, False
    if item.path.suffix == ".json":
        return visible_text(source), source, True
    text = rfc822.read(raw).text
    return visible_text(text), text, True
