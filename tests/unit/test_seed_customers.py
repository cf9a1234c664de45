"""The demo's customers: what they got is kept once, each writes back at most once, and strangers are not believed."""

import asyncio
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from switchboard.seed.conversations import LATER_WORDS, NAMES
from switchboard.seed.customers import people as writing
from switchboard.seed.customers.kept import LINES_KEPT, Kept
from switchboard.seed.customers.people import People
from switchboard.seed.customers.place import Place, told
from switchboard.seed.customers.web import Web
from switchboard.seed.documents import ACCOUNTS, documents
from switchboard.seed.plan import Arrival, arrivals, follow_up
from switchboard.seed.ways_out import bot_token

SECRET = "the-demos-secret-of-more-than-thirty-two-characters"


def lines(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def curious(account: str) -> Arrival:
    """Somebody who writes back."""
    found = [arrival for arrival in arrivals(200) if arrival.first and follow_up(arrival.customer.number)]
    return next(arrival for arrival in found if arrival.account == account)


class Edge:
    """Takes everything, and remembers where it went."""

    def __init__(self) -> None:
        self.paths: list[str] = []

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url="http://edge", transport=httpx.MockTransport(self._take))

    def _take(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        return httpx.Response(202)


@contextmanager
def asked(tmp_path: Path) -> Iterator[httpx.AsyncClient]:
    """The web side alone; nobody writes back."""
    app = Web(People(Kept(tmp_path / "kept"), None, SECRET), SECRET).app()
    yield httpx.AsyncClient(base_url="http://customers", transport=httpx.ASGITransport(app))


def test_every_language_has_words_to_write_back() -> None:
    assert set(LATER_WORDS) == set(NAMES)


def test_some_write_back_and_some_do_not_and_never_with_an_id_of_the_hour() -> None:
    numbers = [arrival.customer.number for arrival in arrivals(400) if arrival.first]
    later = [arrival for number in numbers if (arrival := follow_up(number))]
    assert 0.3 < len(later) / len(numbers) < 0.7
    assert not {arrival.id for arrival in later} & {arrival.id for arrival in arrivals(400)}


@pytest.mark.parametrize("number", [-1, 0, 1000, 10**9])
def test_a_stranger_writes_nothing(number: int) -> None:
    assert follow_up(number) is None


def test_every_account_of_a_demo_with_customers_sends_to_them_and_without_them_nowhere(tmp_path: Path) -> None:
    with_them = documents(SECRET, Place(20_001, 20_002, tmp_path))["account"]
    assert set(with_them) == set(ACCOUNTS)
    assert all("2000" in json.dumps(account["options"]) for account in with_them.values())
    assert not any("options" in account for account in documents(SECRET)["account"].values())


def test_a_command_knows_the_place_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWITCHBOARD_CUSTOMERS", raising=False)
    assert told() is None
    monkeypatch.setenv("SWITCHBOARD_CUSTOMERS", '{"web_port": 1, "mail_port": 2, "kept_in": "/kept"}')
    assert told() == Place(1, 2, Path("/kept"))


def test_what_comes_twice_is_kept_once_also_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    assert Kept(file).got("form", "customer-1001", "Hello", "key-1")
    with file.open("a") as out:
        out.write('{"cut off')
    assert not Kept(file).got("form", "customer-1001", "Hello", "key-1")
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept")
    for number in range(LINES_KEPT + 5):
        kept.got("form", "customer-1001", "Hello", str(number))
    Kept(tmp_path / "kept")
    assert len(lines(tmp_path / "kept")) == LINES_KEPT


@pytest.mark.parametrize("account", ACCOUNTS)
async def test_a_customer_who_is_answered_twice_writes_back_once(
    account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_READS_S", (0.0, 0.0))
    edge, number = Edge(), curious(account).customer.number
    people = People(Kept(tmp_path / "kept"), edge.client(), SECRET)
    customer = {"lumen-bot": f"{number}", "canal-mail": f"customer-{number}@customers.example"}
    for text in ("First", "Second"):
        people.got(account, customer.get(account, f"customer-{number}"), text, key=text)
        await asyncio.gather(*people._writing.values())
    assert edge.paths == [f"/v1/inbound/{ACCOUNTS[account][0]}/{account}"]
    assert [set(line) & {"got", "wrote"} for line in lines(tmp_path / "kept")] == [{"got"}, {"wrote"}, {"got"}]


async def test_the_callback_believes_a_signature_and_nothing_else(tmp_path: Path) -> None:
    body = json.dumps({"recipient": {"value": "customer-1001"}, "text": "Hello"}).encode()

    def signed(secret: str, at_s: float) -> dict[str, str]:
        stamp = str(int(at_s))
        proof = hmac.digest(secret.encode(), f"{stamp}.".encode() + body, "sha256").hex()
        return {"switchboard-timestamp": stamp, "switchboard-signature": f"v1={proof}", "idempotency-key": "one"}

    with asked(tmp_path) as client:
        for headers in ({}, signed("another", time.time()), signed(SECRET, time.time() - 600)):
            assert (await client.post("/callback/canal-form", content=body, headers=headers)).status_code == 401
        for _ in range(2):
            taken = await client.post("/callback/canal-form", content=body, headers=signed(SECRET, time.time()))
            assert taken.status_code == 200
    assert [line["got"] for line in lines(tmp_path / "kept")] == ["Hello"]


async def test_the_bots_platform_wants_the_token_and_a_text(tmp_path: Path) -> None:
    with asked(tmp_path) as client:
        path = f"/bots/lumen-bot/bot{bot_token(SECRET)}/sendMessage"
        assert (await client.post(path.replace("1000:", "1001:"), json={"chat_id": 1, "text": "x"})).status_code == 401
        assert (await client.post(path, content=b"no json")).status_code == 400
        sent = (await client.post(path, json={"chat_id": 1001, "text": "Hello"})).json()
    assert sent["ok"]
    assert [line["got"] for line in lines(tmp_path / "kept")] == ["Hello"]
