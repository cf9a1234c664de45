"""Until when a change of an order can still be made: the warehouse's cut-off (product.md T7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.calendar import Calendar

CHANGES = frozenset({"order-change", "order-cancel"})
"""The intents that come too late once the order has left."""
UNSHIPPED = frozenset({"open", "partial"})
_DAY = timedelta(days=1)
_MOST_DAYS = 60


@dataclass(frozen=True, slots=True)
class Warehouse:
    """When a shop's parcels leave: at `cut_off` on the clock of `zone`, on days when `calendar` opens at all."""

    zone: ZoneInfo
    cut_off: time
    calendar: Calendar | None = None

    def next_cut_off(self, at: datetime) -> datetime | None:
        """The first cut-off later than `at` (UTC); None where the calendar does not open within sixty days."""
        day = at.astimezone(self.zone).date()
        for _ in range(_MOST_DAYS):
            moment = datetime.combine(day, self.cut_off, self.zone).astimezone(UTC)
            if moment > at and self._works_on(day):
                return moment
            day += _DAY
        return None

    def _works_on(self, day: date) -> bool:
        if self.calendar is None:
            return True
        begins = datetime.combine(day, time(), self.zone)
        ends = datetime.combine(day + _DAY, time(), self.zone)
        return self.calendar.business_seconds(begins.astimezone(UTC), ends.astimezone(UTC)) > 0


@dataclass(frozen=True, slots=True)
class Shipping:
    """What decides of an order until when it can be changed."""

    fulfilment: str
    cut_off_at: datetime | None = None


def due_by(
    intent: str | None, orders: Sequence[Shipping], warehouse: Warehouse | None, at: datetime
) -> datetime | None:
    """When a ticket about these orders must be acted upon: the first cut-off of those that have not left.

    None where the intent is another one, nothing is left to be changed, or nobody has said when parcels leave. What the
    shop's own system says of an order wins over the shop's usual time; one that has passed is due at once.
    """
    if intent not in CHANGES:
        return None
    waiting = [order for order in orders if order.fulfilment in UNSHIPPED]
    usual = warehouse.next_cut_off(at) if warehouse is not None and waiting else None
    return min((moment for order in waiting if (moment := order.cut_off_at or usual) is not None), default=None)
