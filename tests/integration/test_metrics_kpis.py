"""The numbers of small stories that can be counted by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts.sla_events import SlaBreached, SlaCorrected, SlaSettled
from tests.desk import Desk
from tests.integration.measuring import START, Metrics, new_workspace, one_desk
from tests.stack import Stack


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """Metrics alone."""
    yield from one_desk(stack)


@pytest.fixture
def metrics(desk: Desk) -> Metrics:
    """A workspace."""
    return new_workspace(desk)


async def test_first_reply_is_the_first_human_public_reply_of_each_cycle(metrics: Metrics) -> None:
    one = metrics.story().opened().after(minutes=10).answered().after(hours=1).answered()
    two = metrics.story().opened().after(minutes=30).answered("bram").became("solved").after(days=1).reopened()
    two.after(minutes=2).answered("bram")
    await metrics.hear(one, two)
    found = await metrics.whole("first_reply")
    assert (found["n"], found["calendar_sum_s"]) == (3, 600 + 1800 + 120)
    assert (found["calendar_mean_s"], found["calendar_median_s"], found["calendar_p90_s"]) == (840, 600, 1800)
    assert (found["business_mean_s"], found["business_median_s"], found["business_p90_s"]) == (420, 300, 900)
    by = await metrics.groups("first_reply", "agent")
    assert {agent: values["n"] for (agent,), values in by.items()} == {"anna": 1, "bram": 2}


async def test_a_reply_that_failed_counts_no_longer_and_the_next_becomes_the_first(metrics: Metrics) -> None:
    story = metrics.story().opened().after(minutes=1)
    lost = story.sent()
    story.after(minutes=9).answered("bram").after(hours=1).failed(lost)
    await metrics.hear(story)
    assert (await metrics.whole("first_reply"))["calendar_sum_s"] == 600
    assert (await metrics.whole("volume"))["replies_n"] == 1


async def test_a_reply_that_is_sent_again_after_its_failure_counts_from_then(metrics: Metrics) -> None:
    story = metrics.story().opened().after(minutes=1)
    message = story.sent()
    story.after(minutes=1).failed(message, version=3).after(minutes=8).sent(message=message, version=5)
    await metrics.hear(story)
    assert (await metrics.whole("first_reply"))["calendar_sum_s"] == 600


async def test_attainment_counts_the_last_word_on_each_clock(metrics: Metrics) -> None:
    story = metrics.story().opened().after(minutes=30)
    story.clock(SlaSettled, "met", credited="anna")
    story.clock(SlaSettled, "void")
    story.clock(SlaBreached, "breached", kind="resolution", credited="bram")
    for last in ("met", "runs"):
        corrected = story.clock(SlaBreached, "breached")
        story.clock(SlaCorrected, last, of=corrected, version=2, was="breached")
    await metrics.hear(story)
    found = await metrics.whole("sla")
    assert (found["met_n"], found["decided_n"], found["breached_n"], found["void_n"]) == (2, 3, 1, 1)
    assert (found["first_reply_met_n"], found["resolution_breached_n"]) == (2, 1)
    by = await metrics.groups("sla", "agent")
    assert {agent: (values["met_n"], values["decided_n"]) for (agent,), values in by.items()} == {
        "anna": (1, 1),
        "bram": (0, 1),
        None: (1, 1),
    }


async def test_an_answer_the_provider_takes_after_the_solve_answers_its_cycle(metrics: Metrics) -> None:
    story = metrics.story().opened().after(minutes=5).became("solved").after(seconds=3).answered()
    await metrics.hear(story)
    found = await metrics.whole("first_reply")
    assert (found["n"], found["closed_unanswered_n"]) == (1, 0)


async def test_what_waits_and_what_was_closed_without_an_answer_stand_beside(metrics: Metrics) -> None:
    old = metrics.story(at=START - timedelta(days=20)).opened()
    waiting = metrics.story().opened().after(hours=1).became("pending")
    closed = metrics.story().opened().after(hours=1).became("solved").after(days=7).became("closed")
    undone = metrics.story().opened().after(hours=1).became("solved").after(hours=1).became("open")
    came_back = metrics.story().opened().after(hours=1).became("solved").after(hours=1).reopened().answered()
    await metrics.hear(old, waiting, closed, undone, came_back)
    found = await metrics.whole("first_reply")
    assert (found["n"], found["unanswered_n"], found["closed_unanswered_n"]) == (1, 3, 2)
    assert found["unanswered_oldest_at"] == old.started_at.isoformat().replace("+00:00", "Z")
    arrived = ("arrived_n", "arrived_answered_n", "arrived_unanswered_n", "arrived_closed_unanswered_n")
    assert [found[name] for name in arrived] == [5, 1, 2, 2]
    by_day = await metrics.groups("first_reply", "day")
    assert by_day[None,]["unanswered_n"] == 1
    assert by_day["2026-03-02",]["unanswered_n"] == 2


async def test_where_nothing_was_left_to_answer_is_a_number_of_its_own(metrics: Metrics) -> None:
    spam = metrics.story().opened().after(hours=1).voided().became("solved")
    waits = metrics.story().opened().after(hours=1).voided().after(hours=1).wrote()
    undone = metrics.story().opened().after(hours=1).voided().after(hours=1).voided(void=False)
    answered = metrics.story().opened().after(hours=1).answered().voided()
    await metrics.hear(spam, waits, undone, answered)
    found = await metrics.whole("first_reply")
    assert (found["n"], found["unanswered_n"], found["closed_unanswered_n"], found["void_n"]) == (1, 2, 0, 1)
    assert (found["arrived_n"], found["arrived_void_n"]) == (4, 1)
    assert found["unanswered_oldest_at"] == undone.started_at.isoformat().replace("+00:00", "Z")


async def test_a_message_that_counts_after_all_begins_its_cycle_when_it_came(metrics: Metrics) -> None:
    quiet = metrics.story().opened(quiet=True)
    first = quiet.events[0].data.message
    await metrics.hear(quiet.after(hours=2).counted(first, quiet.started_at).became("open").after(hours=1).answered())
    found = await metrics.whole("first_reply")
    assert (found["n"], found["calendar_sum_s"], found["arrived_n"]) == (1, 3 * 3600, 1)
    volume = await metrics.whole("volume")
    assert (volume["opened_n"], volume["customer_messages_n"], volume["automatic_messages_n"]) == (1, 1, 0)


async def test_an_automatic_message_opens_no_cycle_and_is_counted_apart(metrics: Metrics) -> None:
    quiet = metrics.story().opened(quiet=True).after(hours=1)
    await metrics.hear(quiet)
    assert (await metrics.whole("first_reply"))["arrived_n"] == 0
    quiet.events.clear()
    await metrics.hear(quiet.reopened().after(minutes=1).wrote().wrote(automatic=True).wrote("agent").answered())
    found = await metrics.whole("volume")
    assert found == {
        "opened_n": 1, "reopened_n": 0, "customer_messages_n": 2, "automatic_messages_n": 2, "replies_n": 1,
    }  # fmt: skip


async def test_days_are_those_of_the_reporting_zone(metrics: Metrics) -> None:
    """23:30 in Amsterdam on the day the clocks go forward, which has 23 hours."""
    await metrics.settle("workspace", metrics.workspace, zone="Europe/Amsterdam")
    await metrics.settle("shop", "bikes", zone="America/New_York")
    late = datetime(2026, 3, 29, 21, 30, tzinfo=UTC)
    await metrics.hear(metrics.story(at=late).opened().after(minutes=40).answered())
    assert set(await metrics.groups("volume", "day")) == {("2026-03-29",), ("2026-03-30",)}
    assert set(await metrics.groups("volume", "day", shop="bikes")) == {("2026-03-29",)}
    assert (await metrics.ask("/volume", shop="bikes"))["zone"] == "America/New_York"
    sunday = {"begin": "2026-03-29", "to": "2026-03-29"}
    found = await metrics.whole("volume", **sunday)
    assert (found["opened_n"], found["replies_n"]) == (1, 0)
    shown = (await metrics.ask("/volume", **sunday))["window"]
    assert shown == {"from": "2026-03-28T23:00:00Z", "to": "2026-03-29T22:00:00Z"}


async def test_backlog_is_our_turn_with_ages_and_who_holds_it(metrics: Metrics) -> None:
    now = datetime.now(UTC)
    new = metrics.story(at=now - timedelta(minutes=30)).opened()
    held = metrics.story(at=now - timedelta(days=2)).opened().held("anna")
    let_go = metrics.story(at=now - timedelta(days=30)).opened().held("anna").held(None)
    pending = metrics.story().opened().held("anna").became("pending")
    waits = metrics.story().opened().became("on-hold")
    done = metrics.story().opened().held("anna").became("solved")
    await metrics.hear(new, held, let_go, pending, waits, done)
    found = await metrics.whole("backlog")
    states = ("n", "new_n", "open_n", "pending_n", "on_hold_n")
    assert [found[name] for name in states] == [3, 1, 2, 1, 1]
    ages = ("within_an_hour_n", "within_a_day_n", "within_a_week_n", "older_n")
    assert [found[name] for name in ages] == [1, 0, 1, 1]
    assert 2 * 86_400 <= found["age_median_s"] < 2 * 86_400 + 600
    by = await metrics.groups("backlog", "agent")
    assert {agent: values["n"] for (agent,), values in by.items()} == {None: 2, "anna": 1}
    assert (await metrics.ask("/backlog"))["window"] is None


async def test_a_number_can_be_cut_by_several_and_filtered(metrics: Metrics) -> None:
    await metrics.settle("shop", "bells")
    for shop, channel, by in (("bikes", "http", "anna"), ("bikes", "mail", "bram"), ("bells", "http", "anna")):
        story = metrics.story(shop=shop, channel=channel).opened().after(minutes=1).answered(by)
        await metrics.hear(story)
    cut = await metrics.groups("first_reply", "shop", "agent", channel="http")
    assert {key: values["n"] for key, values in cut.items()} == {("bikes", "anna"): 1, ("bells", "anna"): 1}
    assert (await metrics.whole("first_reply", shop="bells"))["n"] == 1
    assert (await metrics.whole("first_reply", team="back"))["n"] == 0
    assert (await metrics.whole("volume", agent="bram"))["replies_n"] == 1
