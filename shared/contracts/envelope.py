"""The envelope of every record: CloudEvents 1.0, structured JSON, with the attributes of architecture.md §4."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

MAX_RECORD_BYTES = 512 * 1024
"""A larger record is refused before the commit; large content goes to the blob store by reference."""


class Message(BaseModel):
    """The `data` of one type of record; a subclass names its type, its topic and the key it is ordered by."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    TYPE: ClassVar[str]
    TOPIC: ClassVar[str]

    def key(self, workspace: str) -> str:
        """The Kafka key: records of one key keep their order."""
        raise NotImplementedError

    def about(self) -> str:
        """What the record is about, as CloudEvents' `subject`."""
        raise NotImplementedError


M_co = TypeVar("M_co", bound=Message, covariant=True)


@dataclass(frozen=True, slots=True)
class Event(Generic[M_co]):
    """One message in its envelope; `trace` is the W3C traceparent it travels with."""

    id: UUID
    source: str
    time: datetime
    workspace: str
    data: M_co
    shop: str | None = None
    version: int | None = None
    correlation: UUID | None = None
    causation: UUID | None = None
    causation_depth: int = 0
    actor: str | None = None
    """Who did it: `agent:ada`, `key:…`, `rule:vip`, `timer:…`; absent where the cause of the record says it."""
    trace: str | None = field(default=None, compare=False)

    @property
    def type(self) -> str:
        """The CloudEvents type."""
        return self.data.TYPE

    @property
    def topic(self) -> str:
        """The topic this record belongs on, without prefix."""
        return self.data.TOPIC

    @property
    def key(self) -> bytes:
        """The Kafka key in bytes."""
        return self.data.key(self.workspace).encode()

    def attributes(self) -> dict[str, Any]:
        """The record as the JSON object of CloudEvents 1.0."""
        present = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.data.TYPE,
            "subject": self.data.about(),
            "time": self.time,
            "datacontenttype": "application/json",
            "workspace": self.workspace,
            "shop": self.shop,
            "version": self.version,
            "correlationid": self.correlation or self.id,
            "causationid": self.causation,
            "causationdepth": self.causation_depth,
            "actor": self.actor,
            "data": self.data.model_dump(exclude_none=True),
        }
        return {name: value for name, value in present.items() if value is not None}

    @staticmethod
    def from_attributes(attributes: dict[str, Any], data: Message, trace: str | None = None) -> "Event[Any]":
        """Read the envelope's attributes; raises KeyError, ValueError or TypeError where one is missing or wrong."""
        causation = attributes.get("causationid")
        correlation = attributes.get("correlationid")
        version = attributes.get("version")
        time = datetime.fromisoformat(attributes["time"])
        if time.tzinfo is None:
            raise ValueError("time has no offset")
        return Event(
            id=UUID(attributes["id"]),
            source=str(attributes["source"]),
            time=time,
            workspace=str(attributes["workspace"]),
            data=data,
            shop=attributes.get("shop"),
            version=None if version is None else int(version),
            correlation=UUID(correlation) if correlation else None,
            causation=UUID(causation) if causation else None,
            causation_depth=int(attributes.get("causationdepth") or 0),
            actor=attributes.get("actor"),
            trace=trace,
        )
