"""Whether a record is on the disk before it is acknowledged: `up --sync` (architecture.md §7)."""

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.contracts.topics import TOPICS

_SETTING = "flush.messages"
_SET_ON_THE_TOPIC = 1  # ConfigSource DYNAMIC_TOPIC_CONFIG in Kafka's protocol (DescribeConfigs v1 and later)


async def set_flush(bootstrap: str, *, prefix: str, sync: bool) -> None:
    """Turn flushing of each record on or off for the topics that acknowledge customers, also existing ones."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        names = [prefix + topic.name for topic in TOPICS.values() if topic.owner == "ingest"]
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        answers = await admin.describe_configs(resources)
        changed = []
        for name, own in _own_settings(answers).items():
            wanted = {**own, _SETTING: "1"} if sync else {key: own[key] for key in own if key != _SETTING}
            if wanted != own:
                changed.append(ConfigResource(ConfigResourceType.TOPIC, name, wanted))
        if changed:
            await admin.alter_configs(changed)
    finally:
        await admin.close()


def _own_settings(answers: list[object]) -> dict[str, dict[str, str]]:
    """What each topic sets itself; the request that changes one setting has to repeat the others."""
    found = {}
    for answer in answers:
        for _code, _message, _kind, name, entries in answer.resources:  # type: ignore[attr-defined]
            found[name] = {entry[0]: entry[1] for entry in entries if entry[3] == _SET_ON_THE_TOPIC}
    return found
