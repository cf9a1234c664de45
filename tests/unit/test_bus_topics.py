"""Topics are made as soon as the cluster counts a broker as there, and not given up before."""

from typing import Any

import pytest
from aiokafka.errors import NodeNotReadyError

from shared.bus import topics
from shared.contracts.topics import TOPICS


class Answered:
    topic_errors = ()


class Cluster:
    """A cluster whose one broker comes back after so many questions."""

    def __init__(self, away: list[str]) -> None:
        self.away = away
        self.made: dict[str, int] = {}

    def __call__(self, **_options: Any) -> "Cluster":
        return self

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def describe_cluster(self) -> dict[str, list[int]]:
        how = self.away.pop(0) if self.away else "there"
        if how == "unreachable":
            raise NodeNotReadyError("Attempt to send a request to node which is not ready (node id None).")
        return {"brokers": [] if how == "fenced" else [1]}

    async def list_topics(self) -> list[str]:
        return [next(iter(TOPICS))]

    async def create_topics(self, wanted: list[Any]) -> Answered:
        self.made = {topic.name: topic.replication_factor for topic in wanted}
        return Answered()


async def test_a_broker_that_is_not_counted_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(["unreachable", "fenced"])
    monkeypatch.setattr(topics, "AIOKafkaAdminClient", cluster)
    made = await topics.create("nowhere:9092", layout=topics.EMBEDDED)
    assert set(made) == set(cluster.made) == set(list(TOPICS)[1:])
    assert set(cluster.made.values()) == {1}


async def test_a_cluster_without_brokers_is_given_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "AIOKafkaAdminClient", Cluster(["fenced"] * 100))
    monkeypatch.setattr(topics, "REGISTERED_WITHIN_S", 0)
    with pytest.raises(NodeNotReadyError):
        await topics.create("nowhere:9092", layout=topics.EMBEDDED)
