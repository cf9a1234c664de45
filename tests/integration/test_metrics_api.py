"""The API of metrics: what there is, the tickets behind a number, and what is not the caller's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.metrics.kpis import KPIS
from tests.desk import Desk
from tests.integration.measuring import Metrics, new_workspace, one_desk
from tests.schemathesis_run import no_surprise
from tests.stack import Stack


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """Metrics alone."""
    yield from one_desk(stack)


@pytest.fixture
async def metrics(desk: Desk) -> Metrics:
    """A workspace with two shops and some answers."""
    new = new_workspace(desk)
    for shop in ("bikes", "bells"):
        await new.settle("shop", shop)
    stories = [new.story(shop="bikes").opened().after(minutes=n).answered() for n in range(1, 6)]
    await new.hear(*stories, new.story(shop="bells").opened().after(minutes=1).answered("bram"))
    return new


async def status(metrics: Metrics, path: str, **query: Any) -> tuple[int, str]:
    """What a question is refused with."""
    given = {"from" if name == "begin" else name: value for name, value in query.items() if name != "shops"}
    async with metrics.client(shops=query.get("shops", ())) as asking:
        answer = await asking.get(f"/v1/metrics{path}", params=given)
    return answer.status_code, answer.json().get("detail", "")


async def test_every_kpi_is_listed_with_its_definition_and_units(metrics: Metrics) -> None:
    items = (await metrics.ask(""))["items"]
    assert [item["kpi"] for item in items] == list(KPIS)
    assert items[0]["values"]["calendar_p90_s"]["unit"] == "s"
    assert "First human public reply" in items[0]["definition"]


async def test_the_tickets_behind_a_number_come_in_pages(metrics: Metrics) -> None:
    query: dict[str, Any] = {"begin": "2026-03-02", "to": "2026-03-02", "counted": "answered", "limit": 4}
    first = await metrics.ask("/first_reply/tickets", **query)
    rest = await metrics.ask("/first_reply/tickets", **query, cursor=first["next"])
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (4, 2, None)
    assert len({*first["items"], *rest["items"]}) == 6
    only = await metrics.ask("/first_reply/tickets", **query | {"agent": "bram"})
    assert len(only["items"]) == 1


async def test_a_caller_of_one_shop_sees_its_numbers_only(metrics: Metrics) -> None:
    assert (await metrics.whole("volume"))["opened_n"] == 6
    assert (await metrics.whole("volume", shops=("bells",)))["opened_n"] == 1
    assert set(await metrics.groups("volume", "shop", shops=("bells",))) == {("bells",)}
    listed = await metrics.ask("/volume/tickets", shops=("bells",), begin="2026-03-01", to="2026-03-31")
    assert len(listed["items"]) == 1
    foreign, detail = await status(metrics, "/volume", shop="bikes", shops=("bells",))
    unknown, same = await status(metrics, "/volume", shop="nowhere", shops=("bells",))
    assert (foreign, unknown) == (404, 404)
    assert detail.replace("bikes", "nowhere") == same


async def test_another_workspace_has_its_own_numbers(metrics: Metrics) -> None:
    other = new_workspace(metrics.desk)
    assert (await other.whole("first_reply"))["n"] == 0
    assert (await other.whole("first_reply"))["calendar_mean_s"] is None
    assert await other.groups("volume", "agent") == {}


@pytest.mark.parametrize(
    ("path", "query", "code", "words"),
    [
        ("/happiness", {}, 404, "there are first_reply"),
        ("/volume", {"begin": "2026-03-09", "to": "2026-03-01"}, 422, "before `to`"),
        ("/volume", {"begin": "last week"}, 422, "2026-03-29"),
        ("/volume", {"by": "mood"}, 422, "schema"),
        ("/backlog", {"begin": "2026-03-01"}, 422, "leave `from` and `to` out"),
        ("/backlog", {"by": "team"}, 422, "shop, channel, agent"),
        ("/volume/tickets", {"counted": "lost"}, 422, "opened, reopened"),
    ],
)
async def test_what_cannot_be_answered_is_refused_with_what_to_do(
    metrics: Metrics, path: str, query: dict[str, Any], code: int, words: str
) -> None:
    found, detail = await status(metrics, path, **query)
    assert found == code
    assert words in detail


async def test_no_request_gets_an_answer_that_the_document_does_not_promise(
    metrics: Metrics, tmp_path: Path, long_run: bool
) -> None:
    await no_surprise(metrics.desk.url("metrics"), metrics.workspace, tmp_path, examples=200 if long_run else 15)
