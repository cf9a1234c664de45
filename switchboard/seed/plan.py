"""An hour of a shop's traffic as a plan: who writes when, on which account, in how many messages. Pure and repeatable.

Customers come at random (a Poisson process), write on, and some of them answer again later; the same number of messages
gives the same plan, message by message, so that playing it twice makes nothing twice.
"""

import random
from dataclasses import dataclass, replace

from switchboard.seed.conversations import LATER_WORDS, NAMES, STORIES
from switchboard.seed.documents import ACCOUNTS

HOUR_S = 3600.0
_SEED = 20_260_101
_PAUSE_S = (40.0, 400.0)
"""Between two messages of one customer, in seconds of the hour."""
_FIRST_CUSTOMER = 1000
_WRITES_BACK = 0.5
_WRITTEN_BACK = 9
"""Which message of a conversation that is; no story has as many."""
_CONVERSATIONS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Customer:
    """Who writes; the number is the identity on every channel."""

    number: int
    name: str
    language: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message: at which second of the hour, on which account, and what it is."""

    at_s: float
    id: str
    account: str
    customer: Customer
    subject: str
    text: str
    first: bool
    """Whether it begins the conversation."""


def arrivals(messages: int) -> list[Arrival]:
    """So many messages, in the order of their time within one hour."""
    dice = random.Random(_SEED)  # noqa: S311 - a play, no secret
    planned: list[Arrival] = []
    number = 0
    while len(planned) < messages:
        number += 1
        planned += _conversation(dice, number)
    planned = planned[:messages]
    last = max(HOUR_S, *(arrival.at_s for arrival in planned), HOUR_S)  # the last answers may come after the hour's end
    return sorted(
        (replace(arrival, at_s=arrival.at_s * HOUR_S / last) for arrival in planned),
        key=lambda arrival: (arrival.at_s, arrival.id),
    )


def _conversation(dice: random.Random, number: int) -> list[Arrival]:
    story = dice.choice(STORIES)
    account = dice.choice(tuple(ACCOUNTS))
    customer = Customer(_FIRST_CUSTOMER + number, dice.choice(NAMES[story.language]), story.language)
    at_s = dice.uniform(0, HOUR_S)
    found = []
    for index, line in enumerate(story.lines):
        found.append(Arrival(at_s, f"demo-{number}-{index}", account, customer, story.subject, line, first=index == 0))
        at_s += dice.uniform(*_PAUSE_S)
    return found


def follow_up(customer: int) -> Arrival | None:
    """What the customer of this number writes when somebody has answered him; None where he is content, or unknown."""
    number = customer - _FIRST_CUSTOMER
    if not 0 < number <= _CONVERSATIONS_MAX:
        return None
    dice = random.Random(f"{_SEED} writes back {number}")  # noqa: S311 - a play, no secret
    if dice.random() >= _WRITES_BACK:
        return None
    began = _begun(number)
    text = dice.choice(LATER_WORDS[began.customer.language])
    return replace(began, id=f"demo-{number}-{_WRITTEN_BACK}", text=text, first=False)


def _begun(number: int) -> Arrival:
    """The message with which this conversation began."""
    dice = random.Random(_SEED)  # noqa: S311 - a play, no secret
    for earlier in range(1, number):
        _conversation(dice, earlier)
    return _conversation(dice, number)[0]
