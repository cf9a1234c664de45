"""Until when a change of an order can still be made."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.cut_off import Shipping, Warehouse, due_by
from shared.calendar import Calendar
from shared.contracts import settings
from shared.text import order_number

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
WEEKDAYS = Calendar.of(
    settings.Calendar(
        name="office",
        zone="Europe/Amsterdam",
        week=dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), ("09:00-17:00",)),
        holidays=("2026-12-25",),
    )
)
WAREHOUSE = Warehouse(AMSTERDAM, time(16), WEEKDAYS)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "cut_off"),
    [
        ("2026-11-23T10:00", "2026-11-23T16:00"),
        ("2026-11-23T16:00", "2026-11-24T16:00"),
        ("2026-11-27T18:00", "2026-11-30T16:00"),  # from Friday evening to Monday
        ("2026-12-24T17:00", "2026-12-28T16:00"),  # over Christmas and a weekend
        ("2026-10-23T17:00", "2026-10-26T16:00"),  # over the night on which the clocks change
    ],
)
def test_parcels_leave_at_the_cut_off_of_the_next_day_that_opens(now: str, cut_off: str) -> None:
    assert WAREHOUSE.next_cut_off(at(now)) == at(cut_off)


def test_without_a_calendar_parcels_leave_every_day() -> None:
    assert Warehouse(AMSTERDAM, time(16)).next_cut_off(at("2026-11-28T18:00")) == at("2026-11-29T16:00")


def test_a_calendar_that_stays_closed_gives_no_cut_off() -> None:
    closed = Calendar(AMSTERDAM, ((),) * 7)
    assert Warehouse(AMSTERDAM, time(16), closed).next_cut_off(at("2026-11-28T18:00")) is None


@given(st.datetimes(datetime(2024, 1, 1), datetime(2034, 1, 1)), st.times(), st.sampled_from(["UTC", "Pacific/Apia"]))
def test_the_next_cut_off_is_later_and_within_two_days_where_every_day_opens(
    now: datetime, clock: time, zone: str
) -> None:
    moment = now.replace(tzinfo=UTC)
    cut_off = Warehouse(ZoneInfo(zone), clock.replace(microsecond=0)).next_cut_off(moment)
    assert cut_off is not None and moment < cut_off <= moment + timedelta(days=2)


NOW = at("2026-11-23T10:00")
USUAL = at("2026-11-23T16:00")


@pytest.mark.parametrize("intent", ["order-change", "order-cancel"])
def test_a_change_of_an_unshipped_order_is_due_by_the_cut_off(intent: str) -> None:
    assert due_by(intent, [Shipping("open")], WAREHOUSE, NOW) == USUAL


def test_what_the_shop_says_of_an_order_wins() -> None:
    said = at("2026-11-23T12:00")
    assert due_by("order-change", [Shipping("open", said), Shipping("open")], WAREHOUSE, NOW) == said
    assert due_by("order-change", [Shipping("partial", said)], None, NOW) == said


def test_nothing_is_due_where_nothing_can_be_changed() -> None:
    assert due_by("order-status", [Shipping("open")], WAREHOUSE, NOW) is None
    assert due_by(None, [Shipping("open")], WAREHOUSE, NOW) is None
    assert due_by("order-cancel", [Shipping("fulfilled"), Shipping("cancelled")], WAREHOUSE, NOW) is None
    assert due_by("order-cancel", [], WAREHOUSE, NOW) is None
    assert due_by("order-cancel", [Shipping("open")], None, NOW) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("#1001", "1001"),
        (" eu-1001 ", "EU-1001"),
        ("１００１", "1001"),
        ("Jan Jansen", None),
        ("Main Street 5", None),
        ("", None),
        ("abc", None),
        ("1" * 30, None),
    ],
)
def test_an_order_s_number_is_compared_in_one_form(text: str, number: str | None) -> None:
    assert order_number(text) == number
