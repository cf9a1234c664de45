"""What customers and providers see while something is away: a clear word, and nothing lost."""

import time

from tests.eventually import eventually
from tests.shop import Shop


async def test_kafka_away_gives_503_at_once_and_it_recovers_by_itself(shop: Shop) -> None:
    stack = shop.desk.stack
    assert (await shop.say("http", "before", sender="a")).status_code == 202
    await stack.kill_kafka()
    try:
        started = time.monotonic()
        answer = await shop.say("http", "during", sender="b")
        took = time.monotonic() - started
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["content-type"] == "application/problem+json"
        assert took < 10, "promised within 2 s; five times that is the slack"
    finally:
        await stack.start_kafka()

    async def accepted() -> bool:
        return (await shop.say("http", "after", sender="c")).status_code == 202

    await eventually(accepted, timeout_s=60, what="a message accepted again")

    async def two() -> bool:
        return len(await shop.tickets()) >= 2

    await eventually(two, timeout_s=60, what="tickets from before and after")


async def test_postgres_away_ingest_accepts_as_before(shop: Shop) -> None:
    stack = shop.desk.stack
    await stack.kill_postgres()
    try:
        answer = await shop.say("telegram", "nobody home?", sender="9")
        assert answer.status_code == 202
    finally:
        await stack.start_postgres()

    async def there() -> bool:
        answer = await shop.admin.get("/v1/tickets")
        return answer.status_code == 200 and len(answer.json()["items"]) == 1

    await eventually(there, timeout_s=60, what="the ticket of the message accepted meanwhile")
