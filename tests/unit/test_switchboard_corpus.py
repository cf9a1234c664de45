"""`switchboard corpus`: what it says of payloads, from folders made for the purpose."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.channels import CHANNELS
from shared.channels.base import Parsed
from shared.errors import Invalid, NotFound
from switchboard.corpus import judging
from switchboard.corpus.agreement import moment
from switchboard.corpus.command import main
from switchboard.corpus.layout import folders
from switchboard.corpus.payload import multipart, payload
from switchboard.corpus.report import Judged, judged

UPDATE = {
    "update_id": 1,
    "message": {
        "message_id": 7,
        "date": 1767323045,
        "chat": {"id": 5, "type": "private"},
        "from": {"id": 5, "is_bot": False, "first_name": "Ada"},
        "text": "Where is my bike?",
    },
}
FACTS = {"update_id": 1, "from_id": 5, "chat_id": 5, "message_id": 7, "date": 1767323045, "text": "Where is my bike?"}
MAIL = b"From: Ada <ada@example.org>\r\nSubject: Bike\r\nMessage-ID: <1@example.org>\r\n\r\nWhere is it?\r\n"


def write(root: Path, folder: str, *items: dict[str, Any]) -> None:
    """A folder of payloads; `body` of an item is what its file holds."""
    (root / folder).mkdir(parents=True)
    for number, item in enumerate(items):
        item.setdefault("file", f"{number}.json")
        body = item.pop("body", {})
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        (root / folder / item["file"]).write_bytes(content)
    (root / folder / "index.json").write_text(json.dumps(items))


def update(expectation: str = "parsed", body: Any = UPDATE, **facts: Any) -> dict[str, Any]:
    return {"kind": "message", "expectation": expectation, "facts": FACTS | facts, "body": body}


def only(root: Path) -> Judged:
    (folder,) = folders(root)
    return judged(folder)


def test_a_payload_that_agrees_with_its_facts_is_parsed(tmp_path: Path) -> None:
    write(tmp_path, "telegram", update())
    (result,) = only(tmp_path).results
    assert (result.outcome, result.expected) == ("parsed", True)
    assert (result.compared, result.left) == (5, ("update_id",))


def test_a_fact_that_the_event_does_not_agree_with_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "telegram", update(text="Where is my cat?"))
    assert main([str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "telegram/0.json: parsed, came to wrong (text)" in said
    assert "wanted 'Where is my cat?', found 'Where is my bike?'" in said


def test_a_payload_that_must_be_read_and_is_not_fails_the_run(tmp_path: Path) -> None:
    write(tmp_path, "telegram", update(body={"update_id": 1, "message": {}}))
    (result,) = only(tmp_path).results
    assert (result.outcome, result.expected) == ("quarantined", False)
    assert main([str(tmp_path)]) == 1


def test_a_payload_that_may_be_kept_is_as_expected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "telegram", update("parsed_or_quarantined", body={"update_id": 1, "message": {}}))
    assert main([str(tmp_path)]) == 0
    assert "telegram: quarantined, " in capsys.readouterr().out


def test_an_invalid_payload_that_becomes_an_event_fails_the_run(tmp_path: Path) -> None:
    write(tmp_path, "telegram", update("invalid"))
    assert main([str(tmp_path)]) == 1


def broken(*_: Any) -> Parsed:
    raise KeyError("update_id")


@pytest.mark.parametrize(("parse", "outcome"), [(broken, "raised"), (lambda *_: Parsed(), "silent")])
def test_a_parser_that_breaks_or_says_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parse: Any, outcome: str
) -> None:
    channel = CHANNELS["telegram"]
    monkeypatch.setitem(judging.CHANNELS, "telegram", type(channel)(**{**_fields(channel), "parse": parse}))
    write(tmp_path, "telegram", update("parsed_or_quarantined"))
    (result,) = only(tmp_path).results
    assert (result.outcome, result.expected) == (outcome, False)


def _fields(channel: Any) -> dict[str, Any]:
    return {name: getattr(channel, name) for name in channel.__dataclass_fields__}


def test_facts_that_nobody_knows_are_counted_and_not_held_against_anything(tmp_path: Path) -> None:
    write(tmp_path, "telegram", update(shoe_size=44), update(from_first_name=["no", "name"]))
    one = only(tmp_path)
    assert [result.outcome for result in one.results] == ["parsed", "parsed"]
    assert one.not_compared == {"update_id": 2, "shoe_size": 1, "from_first_name": 1}


def test_two_states_of_one_message_are_told_apart(tmp_path: Path) -> None:
    facts = [{"id": "wamid.1", "status": state, "timestamp": str(at)} for at, state in ((1, "delivered"), (9, "read"))]
    value = {"messaging_product": "whatsapp", "statuses": [one | {"recipient_id": "31"} for one in facts]}
    body = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [_change(value)]}]}
    write(tmp_path, "whatsapp", {"kind": "x", "expectation": "parsed", "facts": {"statuses": facts}, "body": body})
    (result,) = only(tmp_path).results
    assert (result.outcome, result.compared) == ("parsed", 8)


def _change(value: Any) -> dict[str, Any]:
    return {"field": "messages", "value": value}


def test_an_event_that_is_missing_is_a_wrong_fact(tmp_path: Path) -> None:
    body = {"object": "page", "entry": [{"id": "1", "messaging": [_event("m.1")]}]}
    facts = {"messaging": [{"sender": "77", "mid": mid, "text": "hi"} for mid in ("m.1", "m.2")]}
    write(tmp_path, "messenger", {"kind": "x", "expectation": "parsed", "facts": facts, "body": body})
    (result,) = only(tmp_path).results
    assert (result.outcome, result.reason) == ("wrong", "messaging.1")


def _event(mid: str) -> dict[str, Any]:
    people = {"sender": {"id": "77"}, "recipient": {"id": "1"}, "timestamp": 1767323045123}
    return people | {"message": {"mid": mid, "text": "hi"}}


def test_a_folder_of_no_channel_is_skipped_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "carrier-pigeon", {"kind": "coo.message", "expectation": "parsed"})
    assert main([str(tmp_path)]) == 0
    assert "1 skipped: no channel for carrier-pigeon (coo)" in capsys.readouterr().out


@pytest.mark.parametrize("folder", ["telegram", "more/telegram", "telegram-2", "new_telegram", "Telegram/unseen"])
def test_an_unknown_kind_is_read_by_the_channel_of_its_folder(tmp_path: Path, folder: str) -> None:
    write(tmp_path, folder, update() | {"kind": "something.new"})
    assert only(tmp_path).by == ("telegram",)


def test_a_kind_names_the_channel_where_a_folder_holds_several(tmp_path: Path) -> None:
    body = {"From": "ada@example.org", "MessageID": "1", "TextBody": "Where is it?"}
    facts = {"from": "Ada@example.org", "text": "Where  is it?\n"}
    write(tmp_path, "post", {"kind": "postmark.inbound", "expectation": "parsed", "facts": facts, "body": body})
    one = only(tmp_path)
    assert (one.by, one.valid) == (("postmark",), (1, 1))


def test_a_bare_mail_is_read_wherever_it_lies(tmp_path: Path) -> None:
    facts = {"from": "ada@example.org", "subject": "Bike", "message_id": "1@example.org", "to": [], "has_html": False}
    write(tmp_path, "letters", {"file": "a.eml", "kind": "x", "expectation": "parsed", "facts": facts, "body": MAIL})
    (result,) = only(tmp_path).results
    assert (result.outcome, result.compared) == ("parsed", 5)


def test_a_signature_is_checked_where_the_facts_hold_its_key(tmp_path: Path) -> None:
    form = {"fields": {"from": "a@b.c", "body-plain": "x", "timestamp": "1767323045", "token": "t", "signature": "0"}}
    facts = {"signing_key": "key", "signature_valid": False}
    item = {"kind": "mailgun.inbound", "encoding": "form_fields", "expectation": "invalid", "facts": facts}
    write(tmp_path, "mail", item | {"body": form})
    (result,) = only(tmp_path).results
    assert (result.outcome, result.reason, result.expected) == ("refused", "bad_signature", True)


def test_a_whole_request_comes_with_what_proves_it(tmp_path: Path) -> None:
    recorded = {
        "url": "https://desk.example.com/in?foo=1",
        "body": "From=%2B31612345678",
        "headers": {"X-Signature": "abc"},
        "auth_token": "the-token",
    }
    write(tmp_path, "any", {"kind": "any.signed_form", "facts": {"signature_valid": True}, "body": recorded})
    (folder,) = folders(tmp_path)
    given = payload(folder.items[0])
    assert (given.request.body, given.request.headers) == (b"From=%2B31612345678", {"x-signature": "abc"})
    assert (given.request.query, given.account.options["public_url"]) == ({"foo": "1"}, recorded["url"])
    assert (given.account.secrets, given.provable) == (("the-token",), True)


def test_a_recording_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    write(tmp_path, "telegram", update() | {"encoding": "form_fields", "body": [1]})
    (tmp_path / "telegram" / "index.json").write_text(
        json.dumps([{"file": "0.json", "encoding": "form_fields"}, {"file": "1.json", "facts": [], "headers": []}])
    )
    assert [result.outcome for result in only(tmp_path).results] == ["raised", "raised"]


@pytest.mark.parametrize(
    ("source", "wanted", "how"),
    [
        ("Yes.\n\nOn 1 May 2026, Ada <a@b.c> wrote:\n> No?", "Yes.", "right"),
        ("Yes.\n\nOn 1 May 2026, Ada <a@b.c> wrote:\n> No?", "Yes", "cut too little"),
        ("Yes.\n\nOn 1 May 2026, Ada <a@b.c> wrote:\n> No?", "Yes. And more", "cut too much"),
    ],
)
def test_a_reply_that_is_cut_is_told_how_well(tmp_path: Path, source: str, wanted: str, how: str) -> None:
    facts = {"visible_reply": wanted, "compare": "exact", "unchanged": False}
    body = {"input": source, "expected": wanted}
    write(tmp_path, "quotes", {"kind": "reply.text_case", "expectation": "parsed", "facts": facts, "body": body})
    (result,) = only(tmp_path).results
    assert (result.reason or "right") == how
    assert result.expected == (how != "cut too much")


def test_as_json_it_names_what_is_not_as_expected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, "telegram", update(), update(text="else"))
    assert main([str(tmp_path), "--json"]) == 1
    (one,) = json.loads(capsys.readouterr().out)["folders"]
    assert (one["payloads"], one["right"], one["outcomes"]["wrong"]) == (2, 1, 1)
    assert [item["file"] for item in one["unexpected"]] == ["1.json"]


def test_a_folder_without_payloads_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        list(folders(tmp_path))
    assert main([str(tmp_path / "nowhere")]) == 2


@pytest.mark.parametrize(
    "index", ['{"file": "a"}', "[1]", '[{"file": "../a"}]', '[{"file": "a", "expectation": "x"}]', "["]
)
def test_an_index_that_cannot_be_read_is_told(tmp_path: Path, index: str) -> None:
    (tmp_path / "telegram").mkdir()
    (tmp_path / "telegram" / "index.json").write_text(index)
    with pytest.raises(Invalid):
        list(folders(tmp_path))


def test_a_form_is_made_as_browsers_make_it() -> None:
    file = {"name": "a", "filename": 'b"c\\d.txt', "content_type": "text/plain", "content_b64": "aGk="}
    made = multipart({"x": "1"}, [file])
    assert b'name="a"; filename="b\\"c\\\\d.txt"\r\nContent-Type: text/plain\r\n\r\nhi\r\n' in made


def test_moments_are_read_in_every_form_that_facts_have() -> None:
    wanted = moment("2026-01-02T03:04:05+00:00")
    for given in (1767323045, "1767323045", 1767323045000, "2026-01-02 03:04:05", "2026-01-02T03:04:05+0000"):
        assert moment(given) == wanted
    assert moment("<TIMESTAMP>") is None
