"""What an agent has in hand: offers that ring, tickets by the numbers he calls them, and the one he works on."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Offer:
    """He is asked to take a ticket until the lease ends."""

    number: int
    id: str
    ticket: str
    lease_until: datetime
    about: str = ""

    def left_s(self, now: datetime) -> int:
        """Seconds he has, 0 at least."""
        return max(0, int((self.lease_until - now).total_seconds()))


@dataclass
class Hands:
    """Numbers are given once and stay: what was 3 is not 4 after something else ended."""

    agent: str
    current: str | None = None
    """The ticket he works on: accepted or read last."""
    seen: dict[str, int] = field(default_factory=dict)
    """The version in which he has read a ticket."""
    _offers: dict[str, Offer] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _last_offer: int = 0

    def offer(self, id_: str, ticket: str, lease_until: str) -> Offer | None:
        """A new offer; None where it is known."""
        if id_ in self._offers:
            return None
        self._last_offer += 1
        made = Offer(self._last_offer, id_, ticket, datetime.fromisoformat(lease_until))
        self._offers[id_] = made
        return made

    def describe(self, offer: Offer, about: str) -> Offer:
        """What it is about, once that was fetched."""
        described = Offer(offer.number, offer.id, offer.ticket, offer.lease_until, about)
        if offer.id in self._offers:
            self._offers[offer.id] = described
        return described

    def offers(self, now: datetime) -> list[Offer]:
        """Those he can still take, the one that lapses first before the others."""
        return sorted(
            (offer for offer in self._offers.values() if offer.lease_until > now),
            key=lambda offer: (offer.lease_until, offer.number),
        )

    def offer_ended(self, ticket: str) -> Offer | None:
        """The ticket is not offered to him any more."""
        for id_, offer in list(self._offers.items()):
            if offer.ticket == ticket:
                return self._offers.pop(id_)
        return None

    def only_offers(self, items: list[dict[str, Any]]) -> list[Offer]:
        """These are all there are now; gives the new ones."""
        self._offers = {id_: offer for id_, offer in self._offers.items() if id_ in {item["id"] for item in items}}
        new = [self.offer(item["id"], item["ticket"], item["lease_until"]) for item in items]
        return [offer for offer in new if offer is not None]

    def number(self, ticket: str) -> int:
        """What he calls the ticket."""
        return self._numbers.setdefault(ticket, len(self._numbers) + 1)

    def ticket(self, number: int) -> str | None:
        """The ticket that he calls so."""
        return next((ticket for ticket, known in self._numbers.items() if known == number), None)
