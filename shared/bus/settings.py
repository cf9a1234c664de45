"""The settings a service needs, read whole from the compacted topic and kept in memory in their newest version."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import ValidationError

from shared.bus import codec, kafka
from shared.config import ServiceConfig
from shared.contracts.document import Document
from shared.contracts.envelope import Event
from shared.contracts.settings import KINDS, SettingChanged
from shared.contracts.topics import SETTINGS
from shared.errors import Refused
from shared.telemetry import metrics

log = logging.getLogger(__name__)

Changed = Callable[[str, str, str], None]
"""Called with workspace, kind and id of a document that changed."""


@dataclass(frozen=True, slots=True)
class _Kept:
    version: int
    document: Document | None
    """None where it is deleted or cannot be read by this release."""


class SettingsReader:
    """Documents by (kind, workspace, id); what is not there may still come: an unknown reference waits."""

    def __init__(self, config: ServiceConfig, service: str) -> None:
        self._config = config
        self._service = service
        self._kept: dict[tuple[str, str], dict[str, _Kept]] = {}
        self._owner: dict[tuple[str, str], str] = {}
        self._listeners: list[Changed] = []
        self._read_to_end = asyncio.Event()

    def get(self, kind: str, workspace: str, document_id: str) -> Document | None:
        """The document, or None where there is none or it is deleted."""
        kept = self._kept.get((kind, workspace), {}).get(document_id)
        return kept.document if kept else None

    def all(self, kind: str, workspace: str) -> dict[str, Document]:
        """All documents of a kind in a workspace, by id."""
        kept = self._kept.get((kind, workspace), {})
        return {key: value.document for key, value in kept.items() if value.document is not None}

    def version(self, kind: str, workspace: str, document_id: str) -> int:
        """The version in use; 0 where nothing was read."""
        kept = self._kept.get((kind, workspace), {}).get(document_id)
        return kept.version if kept else 0

    def ever(self, kind: str, workspace: str) -> bool:
        """Whether a document of the kind was ever there."""
        return bool(self._kept.get((kind, workspace)))

    def find(self, kind: str, document_id: str) -> tuple[str, Document] | None:
        """Workspace and document of a kind whose ids are unique in the installation (accounts)."""
        workspace = self._owner.get((kind, document_id))
        document = self.get(kind, workspace, document_id) if workspace is not None else None
        return (workspace, document) if workspace is not None and document is not None else None

    def workspaces(self) -> list[str]:
        """Ids of the workspaces that exist, sorted."""
        return sorted(
            workspace for kind, workspace in self._kept if kind == "workspace" and self.all("workspace", workspace)
        )

    def versions(self) -> dict[str, int]:
        """Every document's version, by `workspace/kind/id`."""
        return {
            f"{workspace}/{kind}/{document_id}": kept.version
            for (kind, workspace), documents in self._kept.items()
            for document_id, kept in documents.items()
        }

    def on_change(self, call: Changed) -> None:
        """Call this for each document that changes from now on."""
        self._listeners.append(call)

    def ready(self) -> bool:
        """Whether the topic was read to the end that it had when we started."""
        return self._read_to_end.is_set()

    async def wait_ready(self) -> None:
        """Wait until `ready`."""
        await self._read_to_end.wait()

    def apply(self, event: Event[SettingChanged]) -> None:
        """Take a document where its version is higher than the one kept."""
        data, version = event.data, event.version or 0
        documents = self._kept.setdefault((data.kind, event.workspace), {})
        kept = documents.get(data.document_id)
        if kept is not None and kept.version >= version:
            return
        documents[data.document_id] = _Kept(version, None if data.deleted else _parse(data))
        self._owner[data.kind, data.document_id] = event.workspace
        metrics.SETTINGS_DOCUMENTS.set(sum(map(len, self._kept.values())))
        for call in self._listeners:
            call(event.workspace, data.kind, data.document_id)

    async def run(self) -> None:
        """Read the topic until cancelled; connects again whenever Kafka was away."""
        pause = 0.1
        while True:
            consumer = kafka.tail(self._config, f"{self._service}-settings")
            try:
                await consumer.start()
                pause = 0.1
                await self._read(consumer)
            except Exception as error:  # noqa: BLE001 - a reader without settings is worse than a late one
                log.warning("settings are not readable now", extra={"error": f"{type(error).__name__}: {error}"})
            finally:
                await consumer.stop()
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2)

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        partitions = await self._assign(consumer)
        ends = await consumer.end_offsets(partitions)
        while True:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    self._take(record)
            if not self.ready():
                reached = [await consumer.position(partition) >= ends[partition] for partition in partitions]
                if all(reached):
                    self._read_to_end.set()

    async def _assign(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        topic = self._config.topic_prefix + SETTINGS.name
        known = await consumer._client.fetch_all_metadata()
        numbers = known.partitions_for_topic(topic)
        if not numbers:
            raise LookupError(f"topic {topic} does not exist; run `switchboard migrate`")
        partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        return partitions

    def _take(self, record: Any) -> None:
        try:
            event = codec.decode(SETTINGS.name, record.value, record.headers)
        except Refused as error:
            log.error("a settings record is passed over", extra={"offset": record.offset, "error": str(error)})
            return
        if event is not None:
            self.apply(cast("Event[SettingChanged]", event))


def _parse(data: SettingChanged) -> Document | None:
    """The document as this release knows it; fields of a newer release are left out."""
    model = KINDS.get(data.kind)
    if model is None:
        return None
    try:
        return model.model_validate(data.document, extra="ignore")
    except ValidationError as error:
        log.error(
            "a settings document is not valid here",
            extra={"kind": data.kind, "id": data.document_id, "fields": [e["loc"] for e in error.errors()]},
        )
        return None
