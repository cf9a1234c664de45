"""Records flow through two real services, over a real bus, once each and in order."""

from uuid import UUID

from tests.integration.pair.running import Pair, message


async def test_each_message_takes_effect_once_and_in_order_over_two_services(make_desk) -> None:
    pair = await Pair(await make_desk()).start()
    sent = [message(f"c{n % 20}", n // 20) for n in range(1000)]
    await pair.publish(*sent)
    await pair.publish(*sent[::-1][:300])
    for sender in range(20):
        await pair.becomes(lambda sender=sender: pair.facts(f"c{sender}"), list(range(50)))
        assert await pair.seen(f"c{sender}") == list(range(50))
    traces = {event.id: event.trace[3:35] for event in sent}
    rows = await pair.rows("second", "select message, trace from facts")
    assert len(rows) == len(sent)
    assert all(row["trace"][3:35] == traces[UUID(str(row["message"]))] for row in rows)
    await pair.close()
