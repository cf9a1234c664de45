"""How a mailbox is read: what its server's answers mean, and how mails are put together into batches."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from unittest.mock import AsyncMock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.config import Config
from services.ingest.keep import Keeper
from services.ingest.mail.imap import _contents, _set, server_of
from services.ingest.mail.mailbox import BATCH_BYTES, Reader, Reading, _since, batches
from services.ingest.mail.session import MAIL_MAX_BYTES, Room
from shared.blobs import BlobStore
from shared.channels.base import AccountContext
from shared.channels.outgoing.addresses import Addresses
from shared.clock import utc_now
from shared.errors import Invalid

OPTIONS = {"imap_host": "imap.host.example", "imap_user": "care@bikes.example"}
SIZES = st.integers(0, 2 * MAIL_MAX_BYTES) | st.integers(0, 10_000)


@given(st.dictionaries(st.integers(1, 10**9), SIZES, max_size=50), st.sets(st.integers(1, 10**9), max_size=10))
def test_batches_hold_every_mail_once_in_order_and_not_too_much(sizes: dict[int, int], gone: set[int]) -> None:
    uids = sorted({*sizes, *gone})
    made = list(batches(uids, sizes, at_most=7))
    assert [uid for batch in made for uid in batch] == uids
    for batch in made:
        held = [sizes.get(uid, 0) for uid in batch]
        assert 0 < len(batch) <= 7
        assert len(batch) == 1 or (sum(held) <= BATCH_BYTES and max(held) <= MAIL_MAX_BYTES)


@given(st.sets(st.integers(1, 300)))
def test_a_set_of_uids_names_these_and_no_others(uids: set[int]) -> None:
    named = []
    for run in filter(None, _set(sorted(uids)).split(",")):
        first, _, last = run.partition(":")
        named += range(int(first), int(last or first) + 1)
    assert named == sorted(uids)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ([(b"1 (UID 5 BODY[] {3}", b"abc"), b")"], {5: b"abc"}),
        ([(b"1 (BODY[] {3}", b"abc"), b" UID 5)"], {5: b"abc"}),
        ([(b"1 (BODY[] {3}", b"abc"), b" UID 5 FLAGS (x))", b"2 (UID 6 FLAGS (y))"], {5: b"abc"}),
        ([b'1 (UID 5 BODY[] "a\\"b")'], {5: b'a"b'}),
        ([b'1 (UID 5 BODY[] "")', b"2 (UID 6 BODY[] NIL)"], {5: b"", 6: b""}),
        ([(b"1 (UID 5 BODY[HEADER]<0> {3}", b"abc"), b")"], {5: b"abc"}),
        ([(b"1 (UID 99 BODY[] {3}", b"abc"), b")"], {}),
        ([None], {}),
        ([], {}),
    ],
)
def test_contents_are_found_however_the_server_writes_them(said: list[object], found: dict[int, bytes]) -> None:
    assert dict(_contents(said, [5, 6])) == found


def test_a_mailbox_is_encrypted_unless_said_otherwise() -> None:
    assert (server_of(OPTIONS, ["pw"]).tls, server_of(OPTIONS, ["pw"]).port) == ("tls", 993)
    assert server_of(OPTIONS | {"imap_tls": "starttls"}, ["pw"]).port == 143
    assert "pw" not in repr(server_of(OPTIONS, ["pw"]))


@pytest.mark.parametrize(
    ("wrong", "password"),
    [
        ({"imap_tls": "ssl"}, "pw"),
        ({"imap_port": "0"}, "pw"),
        ({"imap_port": "x"}, "pw"),
        ({"imap_user": 'a\r\nb LOGOUT"'}, "pw"),
        ({"imap_folder": "Büro"}, "pw"),
        ({}, "p\nw"),
        ({}, ""),
    ],
)
def test_options_that_cannot_work_are_refused(wrong: dict[str, str], password: str) -> None:
    with pytest.raises(Invalid):
        server_of(OPTIONS | wrong, [password] if password else [])


def test_the_first_day_is_a_day() -> None:
    assert _since(AccountContext("main", "bikes", "box", (), {"imap_since": "2026-01-31"})) == date(2026, 1, 31)
    assert _since(AccountContext("main", "bikes", "box", ())) is None
    with pytest.raises(Invalid):
        _since(AccountContext("main", "bikes", "box", (), {"imap_since": "yesterday"}))


async def test_a_name_that_leads_inside_is_not_connected_to() -> None:
    account = AccountContext("main", "bikes", "box", (), OPTIONS | {"imap_host": "127.0.0.1"}, ("pw",))
    keeper = Keeper(BlobStore("nowhere"), lambda: pytest.fail("nothing is kept"))
    reading = Reading(keeper, Addresses(), utc_now, pause_s=1, tries=1)
    reader = Reader("mail", lambda: account, reading, cursor=AsyncMock(), advance=AsyncMock())
    with ThreadPoolExecutor(1) as thread, pytest.raises(Invalid, match="not public"):
        await reader._session(thread)


def test_one_peer_has_half_of_the_places() -> None:
    room = Room(4)
    assert [room.enter(peer) for peer in ("a", "a", "a", "b", "c", "d")] == [True, True, False, True, True, False]
    room.leave("a")
    assert room.enter("a")


def test_a_certificate_needs_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_SMTP_CERT", "/nowhere.pem")
    with pytest.raises(Invalid, match="belong together"):
        Config()
    monkeypatch.setenv("SWITCHBOARD_SMTP_KEY", "/nowhere.key")
    with pytest.raises(Invalid, match="cannot be read"):
        Config()
