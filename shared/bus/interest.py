"""Which records concern a handler: told by type and id, before the work of taking a record apart."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from shared.contracts.envelope import Event, Message

if TYPE_CHECKING:
    from shared.bus.settings import SettingsReader

H = TypeVar("H", bound=Callable[..., Any])

REMEMBERED = 200_000


def reads(*messages: type[Message]) -> Callable[[H], H]:
    """Mark a handler that needs only these of its topic's messages; the others pass it by without a row anywhere."""

    def mark(handler: H) -> H:
        handler.reads = frozenset(message.TYPE for message in messages)  # type: ignore[attr-defined]  # the mark
        return handler

    return mark


def asked(asks: Callable[["SettingsReader", dict[str, Any]], bool]) -> Callable[[H], H]:
    """Mark a handler that needs only records of which `asks` says so by settings and envelope; the others pass it by.

    While settings are not read, `asks` has to say yes, and the handler to wait for them.
    """

    def mark(handler: H) -> H:
        handler.asks = asks  # type: ignore[attr-defined]  # the mark
        return handler

    return mark


def hears_itself(handler: H) -> H:
    """Mark a handler for which its own service's events are work like anybody's."""
    handler.hears_itself = True  # type: ignore[attr-defined]  # the mark
    return handler


class OwnEvents:
    """Ids of events this process has committed itself: a service that reads its own log need not be taught them.

    Forgotten whenever the database or the log goes back, since then the log knows more than the database; and with
    every new connection, since only behind one can the database have gone back.
    """

    def __init__(self, handlers: Mapping[str, Callable[..., Any]] | None = None) -> None:
        given = handlers or {}
        self._topics = frozenset(topic for topic in given if not getattr(given[topic], "hears_itself", False))
        self._order: deque[str] = deque()
        self._ids: set[str] = set()
        self.forgotten = 0
        """How often: records passed over before the last time must be read again."""

    def add(self, events: Iterable[Event[Any]]) -> None:
        """Remember what was committed; the oldest are forgotten."""
        for event in events:
            if event.topic in self._topics:
                id_ = str(event.id)
                self._ids.add(id_)
                self._order.append(id_)
        while len(self._order) > REMEMBERED:
            self._ids.discard(self._order.popleft())

    def forget(self) -> None:
        """Be taught everything again."""
        self._ids.clear()
        self._order.clear()
        self.forgotten += 1

    async def reconnected(self, _connection: Any) -> None:
        """A pool has opened a connection."""
        self.forget()

    def concern(
        self, handler: Callable[..., Any], settings: "SettingsReader | None" = None
    ) -> Callable[[dict[str, Any]], bool]:
        """Whether an envelope concerns the handler."""
        types: frozenset[str] | None = getattr(handler, "reads", None)
        asks = getattr(handler, "asks", None)

        def concerns(attributes: dict[str, Any]) -> bool:
            if (types is not None and attributes["type"] not in types) or attributes["id"] in self._ids:
                return False
            return asks is None or settings is None or bool(asks(settings, attributes))

        return concerns
