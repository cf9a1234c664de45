"""Which ticket a message joins: every rule of definitions.md, "Tickets, cycles, joining", as a table of named cases."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.joining import Joined, join, survivor
from services.tickets.domain.ticket import Ticket
from shared.contracts.inbound_messages import Sender
from shared.contracts.ticket_events import STATES
from tests.factories import START, message
from tests.unit.test_tickets_domain import ticket

CHATS = frozenset({"telegram"})
WEEK = timedelta(days=7)
SURE = Sender(kind="email", value="a@example.org", verified=True)
UNSURE = Sender(kind="email", value="a@example.org", verified=False)
CHAT: dict[str, Any] = {}
FORM: dict[str, Any] = {"channel": "http", "account": "form", "thread": None}
MAIL: dict[str, Any] = {"channel": "email", "account": "shop", "thread": None, "sender": SURE}
ORDER = MAIL | {"order": "1001"}
BLIND = MAIL | {"order": "1001", "sender": UNSURE}


def on(channel: str = "email", account: str = "shop", number: int = 1, **more: Any) -> Ticket:
    """A ticket of the person on a channel where each conversation is apart."""
    return ticket(number, channel=channel, account=account, **more)


def solved(ago: timedelta, number: int = 1, **more: Any) -> Ticket:
    """Solved so long before the message was accepted."""
    return ticket(number, state="solved", solved_at=START - ago, **more)


def closed(number: int = 1, **more: Any) -> Ticket:
    return ticket(number, state="closed", solved_at=START - 2 * WEEK, **more)


@dataclass(frozen=True)
class Case:
    """A message, the ticket that it names, those of its person; the number of the one it joins, and why."""

    said: dict[str, Any]
    named: Ticket | None
    of_person: Sequence[Ticket]
    joins: int | None
    why: str
    follows: int | None = None
    doubles: int | None = None


RECENT, LATE = WEEK - timedelta(seconds=1), WEEK
AUTO = {"automatic": "auto-reply"}
MAIL_CLOSED = {"channel": "email", "account": "shop"}

CASES = {
    # (a) what a signed token, a reference or the provider's thread names
    "a named new ticket": Case(CHAT, ticket(1, state="new"), [], 1, "named"),
    "a named open ticket": Case(CHAT, ticket(1), [], 1, "named"),
    "a named pending ticket": Case(CHAT, ticket(1, state="pending"), [], 1, "named"),
    "a named ticket on hold": Case(CHAT, ticket(1, state="on-hold"), [], 1, "named"),
    "a named snoozed ticket": Case(CHAT, ticket(1, snoozed_until=START + WEEK), [], 1, "named"),
    "a named solved ticket is reopened": Case(CHAT, solved(timedelta(hours=1)), [], 1, "named"),
    "what is named goes before a later conversation": Case(CHAT, ticket(1), [ticket(2)], 1, "named"),
    "what is named goes before an order": Case(ORDER, on(), [on(number=2, order_name="1001")], 1, "named"),
    "what is named goes before the channel": Case(MAIL, ticket(1), [on(number=2)], 1, "named"),
    "another person's ticket with its token": Case(MAIL, on(person=ticket(9).id), [], 1, "named"),
    "another account's ticket with its token": Case(MAIL, on(account="other"), [], 1, "named"),
    "a token from somebody unverified": Case(BLIND | {"order": None}, on(), [], 1, "named"),
    # the reopen window
    "a reply in the last second of the window": Case(CHAT, solved(RECENT), [], 1, "named"),
    "a reply at the end of the window": Case(CHAT, solved(LATE), [], None, "follow-up", follows=1),
    "a reply long after the window": Case(CHAT, solved(20 * WEEK), [], None, "follow-up", follows=1),
    "a reply that was accepted before the solve": Case(CHAT, solved(-timedelta(hours=1)), [], 1, "named"),
    "an automatic message after the window": Case(CHAT | AUTO, solved(LATE), [], 1, "named"),
    "chat within the window": Case(CHAT, None, [solved(RECENT)], 1, "conversation"),
    "chat after the window, where nobody closed it yet": Case(CHAT, None, [solved(LATE)], None, "new"),
    "an order's solved ticket within the window": Case(
        ORDER, None, [solved(RECENT, order_name="1001", **MAIL_CLOSED)], 1, "order"
    ),
    "an order's solved ticket after the window": Case(
        ORDER, None, [solved(LATE, order_name="1001", **MAIL_CLOSED)], None, "new"
    ),
    "an order with one ticket within the window and one after it": Case(
        ORDER, None, [solved(LATE, 1, order_name="1001"), solved(RECENT, 2, order_name="1001")], 2, "order"
    ),
    # follow-ups
    "a named closed ticket gets a follow-up": Case(CHAT, closed(), [], None, "follow-up", follows=1),
    "a follow-up beside an open ticket": Case(
        MAIL, closed(**MAIL_CLOSED), [on(number=2)], None, "follow-up", follows=1, doubles=2
    ),
    "a follow-up that exists already is joined": Case(
        MAIL, closed(**MAIL_CLOSED), [on(number=2, follow_up_of=ticket(1).id)], 2, "follow-up"
    ),
    "a solved follow-up is reopened": Case(
        MAIL, closed(), [solved(RECENT, 2, follow_up_of=ticket(1).id)], 2, "follow-up"
    ),
    "a follow-up that is over gets one more": Case(
        MAIL, closed(), [solved(LATE, 2, follow_up_of=ticket(1).id)], None, "follow-up", follows=1
    ),
    "of two follow-ups the one with the latest word": Case(
        MAIL, closed(), [on(number=n, follow_up_of=ticket(1).id) for n in (2, 3)], 3, "follow-up"
    ),
    "a follow-up of another ticket is not joined": Case(
        MAIL, closed(), [on(number=2, follow_up_of=ticket(9).id)], None, "follow-up", follows=1, doubles=2
    ),
    # what says nothing new
    "an auto-reply to a closed ticket stays there": Case(CHAT | AUTO, closed(), [], 1, "named"),
    "a bounce to a closed ticket stays there": Case(MAIL | {"automatic": "bounce"}, closed(), [], 1, "named"),
    "thanks to a closed ticket stay there": Case(CHAT | {"automatic": "thanks"}, closed(), [], 1, "named"),
    "thanks to a solved ticket stay there": Case(CHAT | {"automatic": "thanks"}, solved(RECENT), [], 1, "named"),
    "thanks in chat join the conversation": Case(CHAT | {"automatic": "thanks"}, None, [ticket(1)], 1, "conversation"),
    "bulk mail that names nothing stands alone": Case(
        MAIL | {"automatic": "bulk"}, None, [on()], None, "new", doubles=1
    ),
    "an auto-reply about an order joins its ticket": Case(ORDER | AUTO, None, [on(order_name="1001")], 1, "order"),
    "what the desk wrote elsewhere joins the conversation": Case({"echo": True}, None, [ticket(1)], 1, "conversation"),
    "what the desk wrote on a closed ticket stays there": Case({"echo": True}, closed(), [], 1, "named"),
    # (b) chat and messaging
    "chat joins the latest ticket on its account": Case(CHAT, None, [ticket(1), ticket(2)], 2, "conversation"),
    "chat joins it in whatever order they are read": Case(CHAT, None, [ticket(2), ticket(1)], 2, "conversation"),
    "chat joins a pending ticket": Case(CHAT, None, [ticket(1, state="pending")], 1, "conversation"),
    "chat joins a ticket on hold": Case(CHAT, None, [ticket(1, state="on-hold")], 1, "conversation"),
    "chat joins a snoozed ticket": Case(CHAT, None, [ticket(1, snoozed_until=START + WEEK)], 1, "conversation"),
    "chat does not join a closed ticket": Case(CHAT, None, [closed()], None, "new"),
    "chat does not join another account's": Case(CHAT, None, [ticket(1, account="other")], None, "new", doubles=1),
    "chat does not join another channel's": Case(CHAT, None, [on()], None, "new", doubles=1),
    "chat goes before an order": Case({"order": "1001"}, None, [on(order_name="1001"), ticket(2)], 2, "conversation"),
    "chat joins an older ticket where the latest is over": Case(
        CHAT, None, [ticket(1), solved(LATE, 2)], 1, "conversation"
    ),
    # (c) the one ticket about an order
    "a verified person's order": Case(ORDER, None, [on(order_name="1001"), on(number=2)], 1, "order"),
    "an order on another channel's ticket": Case(ORDER, None, [ticket(1, order_name="1001")], 1, "order"),
    "an unverified person's order": Case(BLIND, None, [on(order_name="1001")], None, "new", doubles=1),
    "an order with two tickets": Case(
        ORDER, None, [on(number=n, order_name="1001") for n in (1, 2)], None, "new", doubles=2
    ),
    "an order whose other ticket is closed": Case(
        ORDER, None, [closed(1, order_name="1001"), on(number=2, order_name="1001")], 2, "order"
    ),
    "an order whose only ticket is closed": Case(ORDER, None, [closed(order_name="1001")], None, "new"),
    "another order": Case(ORDER, None, [on(order_name="1002")], None, "new", doubles=1),
    "an order that is written otherwise is another one": Case(
        ORDER, None, [on(order_name="#1001")], None, "new", doubles=1
    ),
    "no order, and a ticket without one": Case(MAIL, None, [on()], None, "new", doubles=1),
    # (d) a new ticket
    "nobody's first message": Case(CHAT, None, [], None, "new"),
    "a form is a ticket of its own": Case(FORM, None, [on("http", "form")], None, "new", doubles=1),
    "a mail of its own": Case(MAIL, None, [on()], None, "new", doubles=1),
    "a new ticket beside two open ones doubles the latest": Case(
        MAIL, None, [on(), on(number=2)], None, "new", doubles=2
    ),
    "a new ticket beside a pending one doubles it": Case(MAIL, None, [on(state="pending")], None, "new", doubles=1),
    "a new ticket beside solved ones doubles none": Case(MAIL, None, [solved(RECENT, **MAIL_CLOSED)], None, "new"),
    "the same subject joins nothing": Case(
        MAIL | {"subject": "Parcel"}, None, [on(subject="Parcel")], None, "new", doubles=1
    ),
    # spam
    "a named spam ticket keeps it": Case(MAIL, on(state="solved", spam=True), [], 1, "named"),
    "a named spam ticket that is over keeps it": Case(MAIL, solved(LATE, spam=True), [], 1, "named"),
    "a named spam ticket that is closed keeps it": Case(MAIL, closed(spam=True), [], 1, "named"),
    "a sender whose latest ticket is spam": Case(MAIL, None, [on(state="solved", spam=True)], 1, "spam"),
    "a sender whose latest ticket is closed spam": Case(MAIL, None, [closed(spam=True, **MAIL_CLOSED)], 1, "spam"),
    "a sender who wrote since on a ticket that is none": Case(
        MAIL, None, [on(state="solved", spam=True), on(number=2)], None, "new", doubles=2
    ),
    "spam of another channel is no matter": Case(CHAT, None, [on(state="solved", spam=True)], None, "new"),
    "a spammer's order": Case(ORDER, None, [on(order_name="1001"), on(number=2, state="solved", spam=True)], 2, "spam"),
    "spam about an order is not joined": Case(
        ORDER, None, [on(state="solved", spam=True, order_name="1001"), ticket(2)], None, "new", doubles=2
    ),
    "chat whose latest ticket is spam": Case(CHAT, None, [ticket(1), ticket(2, state="solved", spam=True)], 2, "spam"),
    "chat with spam before its latest ticket": Case(
        CHAT, None, [ticket(1, state="solved", spam=True), ticket(2)], 2, "conversation"
    ),
    "what is named goes before spam": Case(MAIL, on(), [on(number=2, state="solved", spam=True)], 1, "named"),
}


def joined(case: Case) -> Joined:
    said = message(**case.said).data
    return join(said, named=case.named, of_person=case.of_person, conversational=CHATS, reopen_for=WEEK)


def number_of(id_: Any) -> int | None:
    return next((n for n in range(10) if ticket(n).id == id_), None)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_joining(case: Case) -> None:
    found = joined(case)
    assert (number_of(found.ticket.id) if found.ticket else None, found.why) == (case.joins, case.why)
    assert (number_of(found.follow_up_of), number_of(found.possible_duplicate_of)) == (case.follows, case.doubles)


def test_there_is_a_case_for_every_rule() -> None:
    assert len(CASES) >= 60
    assert {case.why for case in CASES.values()} == {"named", "spam", "conversation", "order", "new", "follow-up"}


TICKETS = st.builds(
    ticket,
    st.integers(1, 9),
    channel=st.sampled_from(["telegram", "email"]),
    state=st.sampled_from(STATES),
    solved_at=st.sampled_from([START, START - 2 * WEEK]),
    spam=st.booleans(),
    order_name=st.sampled_from([None, "1001"]),
)


@given(
    st.lists(TICKETS, max_size=6, unique_by=lambda t: t.id), st.sampled_from([CHAT, MAIL, ORDER, FORM]), st.randoms()
)
def test_the_order_in_which_tickets_are_read_is_no_matter(
    found: list[Ticket], said: dict[str, Any], chance: Any
) -> None:
    other = sorted(found, key=lambda _: chance.random())
    assert joined(Case(said, None, found, None, "new")) == joined(Case(said, None, other, None, "new"))


@given(st.lists(TICKETS, max_size=6, unique_by=lambda t: t.id), st.sampled_from([CHAT, MAIL, ORDER, FORM]))
def test_whether_the_sweep_has_closed_a_ticket_already_is_no_matter(found: list[Ticket], said: dict[str, Any]) -> None:
    swept = [
        replace(t, state="closed") if t.state == "solved" and t.solved_at == START - 2 * WEEK else t for t in found
    ]
    before, after = (joined(Case(said, None, some, None, "new")) for some in (found, swept))
    assert (before.ticket and before.ticket.id, before.why) == (after.ticket and after.ticket.id, after.why)


def test_a_merged_ticket_leads_to_what_it_became_through_all_merges() -> None:
    first, second, third = ticket(1, merged_into=ticket(2).id), ticket(2, merged_into=ticket(3).id), ticket(3)
    known = {(one.workspace, one.id): one for one in (first, second, third)}
    assert survivor(first, known) is third
    assert survivor(third, known) is third
    del known[third.workspace, third.id]
    assert survivor(first, known) == third.id


def test_tickets_that_were_merged_in_a_ring_lead_to_one_of_them() -> None:
    first, second = ticket(1, merged_into=ticket(2).id), ticket(2, merged_into=ticket(1).id)
    assert survivor(first, {(one.workspace, one.id): one for one in (first, second)}) is second


def test_a_conversation_goes_on_where_it_was_merged_into() -> None:
    chat = ticket(1, state="closed")
    mail = on(number=2, state="pending")
    chat = replace(chat, merged_into=mail.id)
    said = message().data
    rules: dict[str, Any] = {"named": None, "conversational": CHATS, "reopen_for": WEEK}
    joined = join(said, of_person=[chat, mail], survivors={chat.id: mail}, **rules)
    assert (joined.ticket, joined.why) == (mail, "conversation")
    over = replace(mail, state="closed")
    assert join(said, of_person=[chat], survivors={chat.id: over}, **rules).ticket is None
