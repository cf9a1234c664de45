"""Recorded mails in their raw form: sender, subject, id, words and files come out as their sources say."""

import hashlib
import json
from datetime import UTC, datetime
from email.utils import getaddresses
from pathlib import Path
from typing import Any

import pytest

from shared.channels.base import AccountContext
from shared.channels.formats import dsn, mail_message, rfc822
from shared.channels.formats.mail import Mail
from shared.channels.formats.mail_automatic import automatic
from shared.errors import Invalid


def spaced(text: str) -> str:
    return " ".join(text.split())


def addresses(value: str) -> list[str]:
    return sorted(address.lower() for _, address in getaddresses([value]) if address)


def said(found: Mail, fact: str) -> Any:
    """What the mail says where the facts say something."""
    report = dsn.report(found)
    kind = automatic(found)
    simple: dict[str, Any] = {
        "from": found.sender,
        "from_name": found.sender_name,
        "subject": spaced(found.subject),
        "message_id": found.message_id,
        "date_utc": found.sent_at.strftime("%Y-%m-%d %H:%M:%S") if found.sent_at else None,
        "text": spaced(found.text),
        "html": spaced(found.html),
        "has_html": bool(found.html),
        "has_text": found.plain and bool(found.text),
        "attachment_count": len(found.files),
        "auto_submitted": found.header("auto-submitted"),
        "is_bounce": kind == "bounce",
        "is_delivery_report": kind in ("bounce", "delivery-report"),
        "attachment_sha256": [hashlib.sha256(file.content).hexdigest() for file in found.files],
        "dsn": _recipient(report.recipients[0]) if report and report.recipients else None,
        "dsn_recipients": [_recipient(one) for one in report.recipients] if report else None,
    }
    if fact in ("to", "cc", "bcc", "reply_to"):
        return addresses(found.header(fact.replace("_", "-")))
    return simple[fact]


def _recipient(one: dsn.Recipient) -> dict[str, str]:
    given = {"action": one.action, "status": one.status, "diagnostic": one.diagnostic}
    return given | {"original_recipient": one.original, "final_recipient": one.final}


def agrees(found: Mail, fact: str, wanted: Any) -> bool:  # noqa: PLR0911 - a line for each kind of fact
    if fact in ("text_contains", "html_contains"):
        whole = spaced(found.text if fact == "text_contains" else found.html)
        return all(spaced(part) in whole for part in wanted)
    if fact in ("attachments", "inline", "other_parts"):
        return set(wanted) <= {file.name for file in found.files}
    if fact == "embedded_subject":
        return any(f"Subject: {wanted}".encode() in file.content for file in found.files)
    if fact in ("to_first", "to_count"):
        got = addresses(found.header("to"))
        return wanted.lower() in got if fact == "to_first" else wanted == len(got)
    got = said(found, fact)
    if fact == "attachment_sha256":
        return set(wanted) <= set(got)
    if fact == "dsn":
        return got is not None and {key: got[key] for key in wanted} == wanted
    if fact == "dsn_recipients":
        return [{key: one[key] for key in want} for one, want in zip(got, wanted, strict=True)] == wanted
    if fact in ("to", "cc", "bcc", "reply_to"):
        return got == sorted(address.lower() for address in wanted)
    if fact == "subject":
        return got == spaced(wanted)[:1000]
    return got == (wanted.lower() if fact == "from" else spaced(wanted) if isinstance(wanted, str) else wanted)


def disagreements(raw: bytes, facts: dict[str, Any]) -> dict[str, Any]:
    """The facts that the mail does not agree with."""
    found = rfc822.read(raw)
    return {fact: wanted for fact, wanted in facts.items() if not agrees(found, fact, wanted)}


def test_every_recorded_mail_agrees_with_its_facts(corpora: Path) -> None:
    folder = corpora / "rfc822"
    items = json.loads((folder / "index.json").read_text())
    found = {item["file"]: disagreements((folder / item["file"]).read_bytes(), item["facts"]) for item in items}
    assert {file: wrong for file, wrong in found.items() if wrong} == {}
    assert len(found) == 300


def test_every_recorded_mail_becomes_a_message_or_is_kept_with_the_reason(corpora: Path) -> None:
    folder = corpora / "rfc822"
    known = AccountContext("main", "bikes", "mail", ())
    kept = {}
    for item in json.loads((folder / "index.json").read_text()):
        arrived = mail_message.Arrived("mail", known, datetime(2026, 1, 2, tzinfo=UTC), "request")
        try:
            (received,) = mail_message.parsed(rfc822.read((folder / item["file"]).read_bytes()), arrived).received
            received.message.model_dump_json()
        except Invalid as error:
            kept[item["file"]] = (item["expectation"], error.reason)
    assert {reason for _, reason in kept.values()} <= {"no_sender"}
    assert len([file for file, (expectation, _) in kept.items() if expectation == "parsed"]) == 0


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
