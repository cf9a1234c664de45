"""What an agent is told at once when his answer cannot go where it should."""

from datetime import datetime, timedelta

import pytest

from services.tickets.windows import closes_at, require_fit
from shared.channels.base import Outgoing
from shared.contracts.outbound_commands import Template
from shared.errors import Invalid
from tests.factories import START

DAY = timedelta(hours=24)
TEMPLATE = Template(name="hello", language="en_US")
WINDOW = Outgoing(text_max=10, reply_window=DAY, longer_windows={"human_agent": 7 * DAY}, templates=True)
PLAIN = Outgoing(text_max=10, reply_window=DAY)
WHOLE = Outgoing(text_max=10, splits=False)


def reason_of(outgoing: Outgoing, text: str, template: Template | None, closes: datetime | None) -> str | None:
    try:
        require_fit("chat", outgoing, text, template, closes_at=closes, now=START)
    except Invalid as error:
        return error.reason
    return None


@pytest.mark.parametrize(
    ("outgoing", "text", "template", "silent", "reason"),
    [
        (WINDOW, "Hello", None, DAY - timedelta(seconds=1), None),
        (WINDOW, "Hello", None, DAY, "window_closed"),
        (WINDOW, "Hello", TEMPLATE, 2 * DAY, None),
        (PLAIN, "Hello", None, DAY, "window_closed"),
        (PLAIN, "Hello", TEMPLATE, DAY, "no_templates"),
        (PLAIN, "Hello", None, None, None),
        (WINDOW, "longer than ten", None, None, None),
        (WHOLE, "longer than ten", None, None, "text_too_long"),
        (WHOLE, "Hello", None, 300 * DAY, None),
    ],
)
def test_an_answer_is_refused_with_its_reason(
    outgoing: Outgoing, text: str, template: Template | None, silent: timedelta | None, reason: str | None
) -> None:
    closes = closes_at(outgoing, {}, START - silent if silent is not None else None)
    assert reason_of(outgoing, text, template, closes) == reason


def test_a_closed_window_says_when_it_closed_and_what_to_do() -> None:
    with pytest.raises(Invalid, match=r"2026-01-01T09:00:00.*template"):
        require_fit("chat", WINDOW, "Hello", None, closes_at=START - DAY, now=START)
    with pytest.raises(Invalid) as refused:
        require_fit("chat", PLAIN, "Hello", None, closes_at=START, now=START)
    assert "template" not in str(refused.value)


def test_an_account_may_have_a_longer_window() -> None:
    assert closes_at(WINDOW, {"human_agent": "true"}, START) == START + 7 * DAY
    assert closes_at(WINDOW, {"human_agent": "yes"}, START) == START + DAY
    assert closes_at(WHOLE, {}, START) is None
