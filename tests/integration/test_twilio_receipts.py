"""The way out and back over SMS: signed callbacks move the message in notify, early, twice, or after a lost answer."""

from collections.abc import Iterator

import pytest

from shared.contracts.outbound_commands import Recipient
from tests.integration.ingests import Ingest, start_ingest, stop_ingest
from tests.integration.notifying import ENVIRONMENT, HANGS_S, Notify, listening
from tests.providers.twilio_api import ACCOUNT, TwilioApi
from tests.shop import WORKSPACE
from tests.stack import Stack

PHONE, TOKEN = "care-sms", "the-auth-token"
ADA, BEN = (Recipient(kind="phone", value=number) for number in ("+31612345678", "+4917612345678"))


@pytest.fixture(scope="module")
def ingest(stack: Stack) -> Iterator[Ingest]:
    """Gateway, ingest and notify."""
    running = start_ingest(stack, ENVIRONMENT)
    code, output = stack.run(running.desk.run("services.notify", "migrate"))
    assert code == 0, output
    stack.run(running.desk.start("services.notify"))
    yield running
    stop_ingest(running)


async def test_an_answer_is_sent_once_and_what_became_of_it_is_never_lost(ingest: Ingest) -> None:
    notify = Notify(ingest.desk, WORKSPACE)
    public_url = f"{ingest.desk.url('ingest')}/v1/inbound/twilio/{PHONE}"
    async with listening(far := TwilioApi(TOKEN)):
        options = {"api_url": far.url, "account_sid": ACCOUNT, "from": "+3197010000000", "public_url": public_url}
        account = {"channel": "twilio", "shop": "bikes", "secrets": [{"value": TOKEN}], "options": options}
        await ingest.put(PHONE, account | {"credentials": [{"value": TOKEN}]})

        far.next.extend([far.refuses(429, 20429, retry_after="1"), far.says(503), far.tells_first("sent", "delivered")])
        first = notify.answer(PHONE, "Hello", channel="twilio", recipient=ADA)
        await notify.publish(first)
        await notify.becomes(first.data.message, "delivered")

        far.next.append(far.takes_late(HANGS_S))
        second = notify.answer(PHONE, "Hello, Ben", channel="twilio", recipient=BEN)
        await notify.publish(second)
        await notify.becomes(second.data.message, "unknown")
        await far.tells("delivered", times=2)
        await notify.becomes(second.data.message, "delivered")

        third = notify.answer(PHONE, "And you?", channel="twilio", recipient=BEN)
        await notify.publish(third)
        await notify.becomes(third.data.message, "sent")
        await far.tells("undelivered", ErrorCode="30003")
        shown = await notify.becomes(third.data.message, "failed")
        assert shown["reason"] == "not-reachable"

        far.opted_out.add(ADA.value)
        fourth = notify.answer(PHONE, "Too late", channel="twilio", recipient=ADA)
        await notify.publish(fourth)
        shown = await notify.becomes(fourth.data.message, "failed")
        assert shown["reason"] == "opted-out"
    assert set(far.heard) == {200}
    texts = [(number, text) for _, number, text in far.received]
    assert texts == [(ADA.value, "Hello"), (BEN.value, "Hello, Ben"), (BEN.value, "And you?")]


async def test_a_request_that_somebody_else_signed_moves_nothing(ingest: Ingest) -> None:
    public_url = f"{ingest.desk.url('ingest')}/v1/inbound/twilio/{PHONE}"
    stranger = TwilioApi("a-token-of-another-account")
    await stranger.posts(public_url, {"MessageSid": "SM1", "From": ADA.value, "Body": "Hi", "NumMedia": "0"})
    assert stranger.heard == [401]
