"""What the campaign asks the broker: where logs end, and how many members a group has."""

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.desk import Desk


async def ends(desk: Desk, topics: list[str]) -> dict[tuple[str, int], int]:
    """Next offset of each partition, by topic without prefix."""
    consumer = AIOKafkaConsumer(bootstrap_servers=desk.stack.kafka.bootstrap, group_id=None)
    await consumer.start()
    try:
        known = await consumer._client.fetch_all_metadata()
        wanted = [
            TopicPartition(desk.prefix + topic, number)
            for topic in topics
            for number in sorted(known.partitions_for_topic(desk.prefix + topic) or ())
        ]
        found = await consumer.end_offsets(wanted)
    finally:
        await consumer.stop()
    return {(p.topic.removeprefix(desk.prefix), p.partition): end for p, end in found.items()}


async def members(desk: Desk, group: str) -> int:
    """How many members the broker counts in a group (`first.inbound-messages`)."""
    admin = AIOKafkaAdminClient(bootstrap_servers=desk.stack.kafka.bootstrap)
    await admin.start()
    try:
        [response] = await admin.describe_consumer_groups([desk.prefix + group])
        return len(response.groups[0][5])
    finally:
        await admin.close()


async def recreate(desk: Desk, topic: str, partitions: int) -> None:
    """Delete a topic and make it again, empty, as somebody's mistake would."""
    admin = AIOKafkaAdminClient(bootstrap_servers=desk.stack.kafka.bootstrap)
    await admin.start()
    try:
        name = desk.prefix + topic
        await admin.delete_topics([name])
        while name in await admin.list_topics():
            pass
        await admin.create_topics([NewTopic(name, partitions, 1)])
    finally:
        await admin.close()
