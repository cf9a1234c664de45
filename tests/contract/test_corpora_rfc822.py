"""Recorded mails in their raw form: sender, subject, id, words and files come out as their sources say."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.channels.formats import rfc822
from shared.errors import Invalid


def spaced(text: str) -> str:
    return " ".join(text.split())


def disagreements(raw: bytes, facts: dict[str, Any]) -> dict[str, Any]:
    """What the mail says otherwise than the facts: wanted and found."""
    found = rfc822.read(raw)
    said = {
        "from": found.sender,
        "subject": spaced(found.subject),
        "message_id": found.message_id,
        "text": spaced(found.text),
        "attachment_count": len(found.files),
    }
    wanted = {
        "from": str(facts.get("from", "")).lower(),
        "subject": spaced(facts.get("subject") or "")[:1000],
        "message_id": facts.get("message_id"),
        "text": spaced(facts.get("text") or ""),
        "attachment_count": facts.get("attachment_count"),
    }
    return {name: (wanted[name], said[name]) for name in wanted if name in facts and wanted[name] != said[name]}


def test_every_recorded_mail_agrees_with_its_facts(corpora: Path) -> None:
    folder = corpora / "rfc822"
    items = json.loads((folder / "index.json").read_text())
    found = {item["file"]: disagreements((folder / item["file"]).read_bytes(), item["facts"]) for item in items}
    assert {file: wrong for file, wrong in found.items() if wrong} == {}
    assert len(found) == 300


def test_a_mail_within_a_mail_is_a_file_and_not_its_words() -> None:
    inner = b"From: b@example.org\r\nSubject: inner\r\n\r\nNot mine"
    outer = (
        b"From: a@example.org\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nMine\r\n"
        b"--x\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--x--\r\n"
    )
    found = rfc822.read(outer)
    assert found.text == "Mine"
    (file,) = found.files
    assert (file.media_type, b"Not mine" in file.content) == ("message/rfc822", True)


def test_a_mail_of_endless_parts_is_refused() -> None:
    part = b"--x\r\n\r\na\r\n"
    raw = b"From: a@b.c\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + part * 1000 + b"--x--\r\n"
    with pytest.raises(Invalid) as refused:
        rfc822.read(raw)
    assert refused.value.reason == "too_many_parts"
