"""Recorded replies: how many are cut as somebody else's library cuts them, and that none is cut by more."""

import json
from pathlib import Path
from typing import Any

from shared.channels.formats import rfc822
from shared.channels.formats.quotes import visible_html, visible_text

RIGHT_AT_LEAST = 91
"""Of 93. The other two are cut too little: one names sender and date on one line, of one the library loses a word."""


def found(folder: Path, item: dict[str, Any]) -> tuple[str, str]:
    """What we see of a recorded reply, and what is to be seen; without spaces where they do not count."""
    path, facts = folder / item["file"], item["facts"]
    kind = item["kind"]
    wanted = facts.get("visible_text", facts.get("visible_reply", ""))
    if kind == "reply.html_case":
        return close(visible_html(json.loads(path.read_text())["input"])), close(wanted)
    if kind == "reply.html":
        return close(visible_html(path.read_text(errors="replace"))), close(wanted)
    if kind == "reply.text_case":
        source = json.loads(path.read_text())["input"]
        return visible_text(source).strip(), (source if facts["unchanged"] else wanted).strip()
    visible = visible_text(rfc822.read(path.read_bytes()).text).strip()
    if kind == "reply.text":
        return visible, visible if visible and facts["visible_reply_excludes"] not in visible else "something else"
    return visible, wanted.strip()


def close(text: str) -> str:
    return "".join(text.split())


def test_recorded_replies_are_cut_right_and_none_by_too_much(corpora: Path) -> None:
    items = json.loads((corpora / "quotes" / "index.json").read_text())
    results = {item["file"]: found(corpora / "quotes", item) for item in items}
    wrong = {file: pair for file, pair in results.items() if pair[0] != pair[1]}
    over_cut = {file: pair for file, pair in wrong.items() if len(pair[0]) < len(pair[1])}
    assert over_cut == {}
    assert len(results) - len(wrong) >= RIGHT_AT_LEAST, wrong
