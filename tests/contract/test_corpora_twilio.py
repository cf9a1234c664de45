"""Recorded signatures of Twilio's: the right ones are believed, the others never."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.channels import CHANNELS
from shared.channels.base import AccountContext, Request
from shared.errors import Invalid, Unauthenticated

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_every_recorded_signature_is_judged_as_it_should_be(corpora: Path) -> None:
    folder = corpora / "twilio"
    items = json.loads((folder / "index.json").read_text())
    assert items
    for item in items:
        given = json.loads((folder / item["file"]).read_text())
        public, _, query = given["url"].partition("?")
        account = AccountContext("main", "bikes", "sms", (given["auth_token"],), {"public_url": public})
        headers = {name.lower(): value for name, value in given["headers"].items()}
        request = Request(headers, given["body"].encode(), NOW, query_string=query)
        try:
            CHANNELS["twilio"].verify(request, account)
            believed = True
        except Unauthenticated:
            believed = False
        assert believed == item["facts"]["signature_valid"], item["file"]


def test_a_call_becomes_no_message(corpora: Path) -> None:
    given = json.loads((corpora / "twilio" / "form_voice.json").read_text())
    account = AccountContext("main", "bikes", "sms", (given["auth_token"],))
    parsed = CHANNELS["twilio"].parse(Request({}, given["body"].encode(), NOW), account)
    assert parsed.ignored == "call"


@pytest.mark.parametrize("name", ["json_body_sha256", "form_duplicate_params"])
def test_what_is_no_message_says_why(corpora: Path, name: str) -> None:
    given = json.loads((corpora / "twilio" / f"{name}.json").read_text())
    account = AccountContext("main", "bikes", "sms", (given["auth_token"],))
    with pytest.raises(Invalid) as refused:
        CHANNELS["twilio"].parse(Request({}, given["body"].encode(), NOW), account)
    assert refused.value.reason == "not_a_message"
