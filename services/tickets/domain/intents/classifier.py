"""What any classifier of messages gives, whatever it is made of, and the one list of intents."""

from dataclasses import dataclass
from typing import Literal, Protocol

from shared.contracts.ticket_events import Priority

About = Literal["policy", "order"]

INTENTS: tuple[str, ...] = (
    "order-status", "order-cancel", "order-change", "order-duplicate", "order-damaged", "order-wrong",
    "refund", "return", "exchange", "shipping", "product-question", "product-recommendation", "stock", "discount",
    "payment", "billing", "account", "suspension", "technical", "app", "theme", "marketing", "warranty",
    "complaint", "chargeback-threat", "feedback", "thanks", "no-reply",
)  # fmt: skip
"""What a classifier may say a message wants; an open list: a shop's own intents are given by people and rules."""

SIGNALS: tuple[str, ...] = ("shop-down", "payment-failed", "urgent")
"""What a message may say beside its intent: nobody can buy, one cannot pay, the writer is in a hurry."""

PRIORITIES: dict[str, Priority] = {"shop-down": "urgent", "payment-failed": "high", "chargeback-threat": "high"}
"""What raises a ticket's priority, by intent or signal; a workspace may say otherwise. Haste and anger raise nothing:
sentiment is shown, never routed by (product.md T7)."""


@dataclass(frozen=True, slots=True)
class Classified:
    """What was read from a message; without evidence there is no intent."""

    intent: str | None = None
    confidence: float = 0.0
    """From 0 to 1: how clearly the first stands before the second."""
    about: About | None = None
    """Whether it asks how things are done here, or what becomes of an order of the writer's."""
    signals: frozenset[str] = frozenset()


class Classifier(Protocol):
    """Reads one message; never raises, whatever the text is, and takes time in proportion to its length."""

    def classify(self, text: str, *, subject: str | None, language: str | None) -> Classified:
        """What a message wants; `language` (BCP 47) is where to look first."""


NOTHING = Classified()
