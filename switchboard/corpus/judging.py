"""What became of a recorded payload, and whether that is as it should be."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from shared.bus import codec
from shared.channels import CHANNELS
from shared.channels.base import Channel, Parsed
from shared.channels.formats import mail_message, rfc822
from shared.channels.formats.mail import Mail
from shared.contracts.envelope import Event, Message
from shared.errors import Invalid, Refused
from shared.ids import new_id
from switchboard.corpus import facts_chats, facts_mail
from switchboard.corpus.agreement import Agreement, Found
from switchboard.corpus.layout import Folder, Item
from switchboard.corpus.payload import NOW, Payload, payload
from switchboard.corpus.quotations import cut

Outcome = Literal["parsed", "aside", "quarantined", "refused", "uncut", "wrong", "raised", "silent"]
OUTCOMES: dict[Outcome, str] = {
    "parsed": "became an event, or what is not to become one is right",
    "aside": "was read and is no message, with the reason",
    "quarantined": "is kept for somebody to look at, with the reason",
    "refused": "was sent back, with the reason",
    "uncut": "is a reply of which too much is left: when unsure, nothing is cut",
    "wrong": "became an event that says otherwise than the facts",
    "raised": "broke the parser",
    "silent": "gave nothing at all, and no reason",
}
SIGNATURE = "signature_valid"
"""The fact that says whether the request proves itself."""
_EXPECTED: dict[str, frozenset[Outcome]] = {
    "parsed": frozenset({"parsed", "uncut"}),
    "parsed_or_quarantined": frozenset({"parsed", "aside", "quarantined", "uncut"}),
    "invalid": frozenset({"quarantined", "refused"}),
}


@dataclass(frozen=True, slots=True)
class Result:
    """One payload's outcome; `reason` says why it is no event, or what broke."""

    item: Item
    outcome: Outcome
    reason: str = ""
    wrong: tuple[tuple[str, Found], ...] = ()
    compared: int = 0
    left: tuple[str, ...] = ()
    """Facts that nothing of ours answers to."""
    took_us: float = 0.0

    @property
    def expected(self) -> bool:
        """Whether it is what its class asks for."""
        if self.item.expectation == "invalid" and self.outcome == "aside":
            return self.item.facts.get(SIGNATURE) is not False
        return self.outcome in _EXPECTED[self.item.expectation]


@dataclass(frozen=True, slots=True)
class Reading:
    """How payloads of a folder are read: by a channel, as bare mail, or as replies to cut."""

    by: str
    take: Callable[[Item], Result]


def reading(item: Item) -> Reading | None:
    """How this one is read: by the channel that its kind names, else its folder; None where we have none for it."""
    if item.provider == "reply":
        return Reading("reply cutting", cut_reply)
    if item.path.suffix.lower() == ".eml" or _named("rfc822", item.folder):
        return Reading("mail parser", read_mail)
    for place in (item.provider, *item.name.split("/")[:-1], *reversed(item.folder.split("/"))):
        channel = next((channel for name, channel in CHANNELS.items() if _named(name, place)), None)
        if channel is not None:
            return Reading(channel.name, partial(read, channel=channel))
    return None


def _named(word: str, place: str) -> bool:
    """Whether a folder or a kind has the name, perhaps among others."""
    return re.search(rf"(?<![a-z]){re.escape(word)}(?![a-z])", place.lower()) is not None


def judge(folder: Folder) -> tuple[list[Result], list[Item]]:
    """What became of all payloads of a folder, and those that no channel of ours reads."""
    results, skipped = [], []
    for item in folder.items:
        how = reading(item)
        if how is None:
            skipped.append(item)
        else:
            results.append(how.take(item))
    return results, skipped


def read(item: Item, channel: Channel) -> Result:
    """Prove and parse a request, as ingest does."""

    def take(given: Payload) -> Parsed:
        if given.provable:
            channel.verify(given.request, given.account)
        return channel.parse(given.request, given.account)

    return _judged(item, lambda: payload(item), take, None)


def read_mail(item: Item) -> Result:
    """Take a mail apart, as every channel does that gets the mail itself."""
    made_of: list[Mail] = []

    def take(given: Payload) -> Parsed:
        made_of.append(rfc822.read(given.request.body))
        arrived = mail_message.Arrived(item.folder, given.account, given.request.received_at, item.name)
        return mail_message.parsed(made_of[0], arrived)

    return _judged(item, lambda: payload(item), take, made_of)


def _judged(
    item: Item, make: Callable[[], Payload], take: Callable[[Payload], Parsed], made_of: list[Mail] | None
) -> Result:
    try:
        given = make()
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return Result(item, "raised", f"the recording cannot be read: {type(error).__name__}: {error}")
    signed = given.provable and SIGNATURE in item.facts
    begun = time.perf_counter()
    try:
        parsed = take(given)
        took_us = (time.perf_counter() - begun) * 1e6
        _as_records(parsed)
    except Refused as error:
        took_us = (time.perf_counter() - begun) * 1e6
        outcome: Outcome = "quarantined" if isinstance(error, Invalid) else "refused"
        return Result(item, outcome, error.reason, compared=int(signed), took_us=took_us)
    except Exception as error:  # noqa: BLE001 - to find these is the purpose
        return Result(item, "raised", f"{type(error).__name__}: {error}"[:500])
    agreement = agree(item, parsed, made_of[0] if made_of else None)
    if signed:
        agreement.left = [name for name in agreement.left if name != SIGNATURE]
        agreement.same(SIGNATURE, item.facts[SIGNATURE], True)
    return _told(item, parsed, agreement, took_us, signed=signed)


def _as_records(parsed: Parsed) -> None:
    """Events must come back from the bus as they went onto it."""
    events: list[Message] = [*(one.message for one in parsed.received), *parsed.receipts]
    for event in events:
        record: Event[Any] = Event(id=new_id(), source="corpus", time=NOW, workspace="corpus", data=event)
        codec.decode(event.TOPIC, codec.encode(record), ())


def _told(item: Item, parsed: Parsed, agreement: Agreement, took_us: float, *, signed: bool) -> Result:
    if not parsed.received and not parsed.receipts:
        if agreement.wrong.keys() & {SIGNATURE}:
            return Result(item, "wrong", SIGNATURE, ((SIGNATURE, agreement.wrong[SIGNATURE]),), 1, (), took_us)
        checked = int(signed)
        if parsed.unreadable:
            return Result(item, "quarantined", parsed.unreadable[0], compared=checked, took_us=took_us)
        kept: Outcome = "aside" if parsed.ignored else "silent"
        return Result(item, kept, parsed.ignored or "", compared=checked, took_us=took_us)
    told = (tuple(agreement.wrong.items()), agreement.compared, tuple(agreement.left), took_us)
    if agreement.wrong:
        return Result(item, "wrong", ", ".join(agreement.wrong), *told)
    if parsed.unreadable:
        return Result(item, "quarantined", parsed.unreadable[0], *told)
    return Result(item, "parsed", "", *told)


def agree(item: Item, parsed: Parsed, made_of: Mail | None = None) -> Agreement:
    """Hold the events against the facts, by the shape of these."""
    compare = facts_chats.knows(item.facts) or (lambda one, facts: facts_mail.mail(one, facts, made_of))
    try:
        return compare(parsed, item.facts)
    except (LookupError, TypeError, ValueError, AttributeError):  # facts of another shape than we know
        return Agreement(left=list(item.facts))


def cut_reply(item: Item) -> Result:
    """Cut a recorded reply from what it quotes."""
    begun = time.perf_counter()
    try:
        found = cut(item)
    except Refused as error:
        return Result(item, "quarantined", error.reason)
    except Exception as error:  # noqa: BLE001 - to find these is the purpose
        return Result(item, "raised", f"{type(error).__name__}: {error}"[:500])
    took_us = (time.perf_counter() - begun) * 1e6
    if found.how == "right":
        return Result(item, "parsed", compared=1, took_us=took_us)
    outcome: Outcome = "uncut" if found.how == "cut too little" else "wrong"
    return Result(item, outcome, found.how, ((found.how, (found.wanted, found.visible)),), 1, (), took_us)
