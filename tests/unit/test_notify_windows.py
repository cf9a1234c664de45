"""What may go out after the customer has been silent for longer than his provider allows."""

from datetime import UTC, datetime, timedelta

import pytest

from services.notify.windows import fitting
from shared.channels.base import Outgoing
from shared.contracts.inbound_messages import Attachment
from shared.contracts.outbound_commands import Recipient, SendMessage, Template
from shared.errors import Invalid
from shared.ids import new_id

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DAY = timedelta(hours=24)
TEMPLATE = Template(name="hello", language="en_US", values=("Ada",))
WINDOW = Outgoing(text_max=100, reply_window=DAY, longer_windows={"human_agent": 7 * DAY}, templates=True)
NO_TEMPLATES = Outgoing(text_max=100, reply_window=DAY)
FOREVER = Outgoing(text_max=100)


def answer(heard_ago: timedelta | None, template: Template | None = None, **more: object) -> SendMessage:
    fields = {
        "message": new_id(),
        "ticket": new_id(),
        "person": new_id(),
        "channel": "http",
        "account": "form",
        "recipient": Recipient(kind="phone", value="77"),
        "text": "Hello",
        "heard_at": NOW - heard_ago if heard_ago is not None else None,
        "template": template,
    }
    return SendMessage.model_validate({**fields, **more})


@pytest.mark.parametrize("outgoing", [WINDOW, NO_TEMPLATES, FOREVER])
@pytest.mark.parametrize("template", [None, TEMPLATE])
def test_within_the_window_text_goes_and_no_template(outgoing: Outgoing, template: Template | None) -> None:
    fitted = fitting(answer(timedelta(hours=1), template), outgoing, {}, NOW)
    assert (fitted.text, fitted.template) == ("Hello", None)


@pytest.mark.parametrize(("heard_ago", "goes"), [(DAY - timedelta(seconds=1), True), (DAY, False)])
def test_the_window_closes_to_the_second(heard_ago: timedelta, goes: bool) -> None:
    if goes:
        assert fitting(answer(heard_ago), WINDOW, {}, NOW).text == "Hello"
        return
    with pytest.raises(Invalid) as refused:
        fitting(answer(heard_ago), WINDOW, {}, NOW)
    assert refused.value.reason == "window-closed"


def test_after_it_the_template_goes_where_the_channel_has_such() -> None:
    assert fitting(answer(2 * DAY, TEMPLATE), WINDOW, {}, NOW).template == TEMPLATE
    with pytest.raises(Invalid):
        fitting(answer(2 * DAY, TEMPLATE), NO_TEMPLATES, {}, NOW)


def test_an_account_may_have_a_longer_window() -> None:
    assert fitting(answer(2 * DAY), WINDOW, {"human_agent": "true"}, NOW).text == "Hello"


def test_where_nobody_knows_when_he_wrote_a_template_is_sure_and_a_text_is_tried() -> None:
    assert fitting(answer(None, TEMPLATE), WINDOW, {}, NOW).template == TEMPLATE
    assert fitting(answer(None), WINDOW, {}, NOW).text == "Hello"


def test_a_channel_without_windows_never_closes_and_knows_no_template() -> None:
    assert fitting(answer(300 * DAY, TEMPLATE), FOREVER, {}, NOW).template is None


def test_files_go_only_where_the_channel_takes_them() -> None:
    with pytest.raises(Invalid, match="files"):
        fitting(answer(DAY, attachments=(Attachment(name="a.png"),)), FOREVER, {}, NOW)
