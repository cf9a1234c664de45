"""Each consumer loop gets the Kafka client that reads its own topic."""

from typing import Any

from shared.bus.batch import Batches
from shared.bus.consumer import Consumer
from shared.bus.subscriptions import declare
from shared.config import ServiceConfig
from shared.contracts.topics import TOPICS


def consumer(name: str, config: ServiceConfig) -> Consumer:
    unused: Any = None
    batches = Batches(
        grp=f"desk.{name}", topic=TOPICS[name], handler=unused, pool=unused, context=unused, after_commit=unused
    )
    return Consumer(config, TOPICS[name], batches)


async def test_a_service_of_many_topics_reads_each_with_its_own_client() -> None:
    config = ServiceConfig(topic_prefix="t.")
    consumers = {name: consumer(name, config) for name in TOPICS}
    _, subscribers = declare(config, "desk", consumers)
    assert {name: subscribers[name].topic_names_for_subscribe for name in TOPICS} == {
        name: [f"t.{name}"] for name in TOPICS
    }
    assert {name: subscribers[name].group_id for name in TOPICS} == {name: f"t.desk.{name}" for name in TOPICS}
