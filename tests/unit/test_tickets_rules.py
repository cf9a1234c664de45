"""Automation: which rules run on what, what they do, that they end, and that their order is theirs."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from services.tickets import facts as telling
from services.tickets.domain.rules import triggers, words
from services.tickets.domain.rules.asking import Facts, needs_messages, possible, why_not
from services.tickets.domain.rules.doing import do
from services.tickets.domain.rules.engine import DEPTH_MAX, Chain, Known, Outcome, RuleSet, run
from services.tickets.domain.rules.triggers import Happened, fits, happened
from services.tickets.domain.ticket import Ticket
from shared.calendar import Calendar
from shared.contracts.conditions import Condition
from shared.contracts.rules import InState, NoReply, Rule
from shared.contracts.settings import Calendar as CalendarDocument
from shared.contracts.ticket_events import MessageAdded, TicketAssigned, TicketEvent, TicketOpened, TicketReopened

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
PLACE = ("form", "acme-form", "acme")
CONDITION: TypeAdapter[Any] = TypeAdapter(Condition)


def ticket(**more: Any) -> Ticket:
    """A new ticket on a form."""
    plain = Ticket(
        workspace="main",
        id=uuid4(),
        shop="acme",
        person=uuid4(),
        channel="form",
        account="acme-form",
        state="new",
        priority="normal",
        language="pt-BR",
        subject="Where is my order?",
        thread=None,
        order_name="#1001",
        version=1,
        cycle=1,
        cycle_started_at=NOW - timedelta(hours=3),
        opened_at=NOW - timedelta(hours=5),
        active_at=NOW,
        tags=("b2b",),
    )
    return replace(plain, **more)


def rule(id_: str = "r", **more: Any) -> Known:
    """A rule that tags what is opened."""
    plain = {"name": id_, "when": [{"event": "opened"}], "actions": [{"do": "add-tags", "tags": [id_]}]}
    return Known(id_, Rule.model_validate(plain | more))


def ask(condition: dict[str, Any], **more: Any) -> str | None:
    """Why the condition does not hold for the ticket."""
    known = {
        name: more.pop(name) for name in ("open", "text", "customer_replied_at", "desk_replied_at") if name in more
    }
    return why_not(CONDITION.validate_python(condition), Facts(ticket(**more), NOW, **known))


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"field": "channel", "any_of": ["form"]}, True),
        ({"field": "channel", "any_of": ["mail"]}, False),
        ({"field": "account", "any_of": ["acme-form"]}, True),
        ({"field": "shop", "any_of": ["zest"]}, False),
        ({"field": "language", "any_of": ["pt"]}, True),
        ({"field": "language", "any_of": ["pt-PT"]}, False),
        ({"field": "priority", "any_of": ["low", "normal"]}, True),
        ({"field": "state", "any_of": ["new"]}, True),
        ({"field": "intent", "any_of": ["refund"]}, False),
        ({"field": "tags", "any_of": ["vip", "b2b"]}, True),
        ({"field": "tags", "all_of": ["vip", "b2b"]}, False),
        ({"field": "assignee", "held": False}, True),
        ({"field": "assignee", "any_of": ["anna"]}, False),
        ({"field": "subject", "any_of": ["WHERE IS"]}, True),
        ({"field": "subject", "any_of": ["here"]}, False),
        ({"field": "business-hours", "open": True}, True),
        ({"field": "hours-since", "of": "opened", "at_least": 5}, True),
        ({"field": "hours-since", "of": "opened", "at_least": 4, "less_than": 5}, False),
        ({"field": "hours-since", "of": "customer-replied", "at_least": 0}, False),
        ({"field": "cycle", "at_least": 2}, False),
        ({"all": [{"field": "cycle", "at_least": 2}, {"field": "state", "any_of": ["new"]}]}, False),
        ({"any": [{"field": "cycle", "at_least": 2}, {"field": "state", "any_of": ["new"]}]}, True),
        ({"none": [{"field": "cycle", "at_least": 2}, {"field": "state", "any_of": ["open"]}]}, True),
        ({"none": [{"all": [{"field": "state", "any_of": ["new"]}]}]}, False),
    ],
)
def test_a_condition_holds_or_says_why_not(condition: dict[str, Any], holds: bool) -> None:
    why = ask(condition)
    assert (why is None) == holds, why


@pytest.mark.parametrize(
    ("text", "phrase", "found"),
    [
        ("I want a REFUND!", "refund", True),
        ("refunded", "refund", False),
        ("Où est ma commande", "ou est", True),
        ("money-back", "money back", True),
        ("ＲＥＦＵＮＤ please", "refund", True),
        ("我想退款谢谢", "退款", True),
        ("返金してください", "返金", True),
        ("Straße", "STRASSE", True),
        ("Где мой заказ", "ЗАКАЗ", True),
        ("", "x", False),
    ],
)
def test_words_are_found_whatever_their_case_and_accents(text: str, phrase: str, found: bool) -> None:
    assert words.has(words.folded(text), words.folded(phrase)) == found


def test_the_customers_words_never_stand_in_the_reason() -> None:
    assert "secret" not in str(ask({"field": "text", "any_of": ["refund"]}, text="my secret"))


def test_rules_run_by_order_then_id_and_each_sees_what_those_before_did() -> None:
    third = rule("c", order=5, conditions={"field": "tags", "all_of": ["a", "b"]})
    rules = [third, rule("b", order=5), rule("a", order=1)]
    assert [(one.known.id, one.acts) for one in run(rules, Facts(ticket(), NOW))] == [
        ("a", True),
        ("b", True),
        ("c", True),
    ]


def test_nothing_is_asked_behind_a_rule_that_stops() -> None:
    rules = [rule("a", stop=True, conditions={"field": "cycle", "at_least": 2}), rule("b", stop=True), rule("c")]
    assert [(one.known.id, one.matched) for one in run(rules, Facts(ticket(), NOW))] == [("a", False), ("b", True)]


@pytest.mark.parametrize("more", [{"spam": True}, {"merged_into": uuid4()}])
def test_spam_and_what_was_merged_away_is_left_alone(more: dict[str, Any]) -> None:
    assert [one.matched for one in run([rule()], Facts(ticket(**more), NOW))] == [False]


def test_what_cannot_be_is_refused_with_its_reason_and_the_rest_is_done() -> None:
    actions = [
        {"do": "set-state", "state": "pending"},
        {"do": "add-tags", "tags": ["late"]},
        {"do": "snooze", "minutes": 5},
    ]
    done = do(ticket(state="closed"), rule(actions=actions).rule.actions, NOW)
    assert [(one.action, one.reason) for one in done.refused] == [(0, "closed_to_pending"), (2, "nothing_to_snooze")]
    assert (done.edited.ticket.tags, done.edited.ticket.state) == (("b2b", "late"), "closed")


def test_later_actions_win() -> None:
    actions = [
        {"do": "set-priority", "priority": "high"},
        {"do": "add-tags", "tags": ["x", "y"]},
        {"do": "remove-tags", "tags": ["x", "b2b"]},
        {"do": "set-priority", "priority": "urgent"},
    ]
    done = do(ticket(), rule(actions=actions).rule.actions, NOW).edited.ticket
    assert (done.priority, done.tags, done.version) == ("urgent", ("y",), 2)


def test_a_rule_that_would_change_nothing_does_nothing() -> None:
    (outcome,) = run([rule("b2b")], Facts(ticket(), NOW), Chain(True, frozenset({"b2b"}), 99))
    assert (outcome.matched, outcome.acts, outcome.stopped) == (True, False, None)


def test_what_a_rule_caused_does_not_start_it_again() -> None:
    (outcome,) = run([rule("a")], Facts(ticket(), NOW), Chain(True, frozenset({"a"}), 3))
    assert (outcome.stopped, outcome.acts) == ("loop", False)
    (outcome,) = run([rule("b")], Facts(ticket(), NOW), Chain(True, frozenset({"a"}), 3))
    assert outcome.acts
    (outcome,) = run([rule("b")], Facts(ticket(), NOW), Chain(depth=DEPTH_MAX))
    assert outcome.stopped == "depth"


def test_events_say_what_happened() -> None:
    base = telling.carried(ticket())
    said = {"message": uuid4(), "accepted_at": NOW}
    told = {
        "opened": TicketOpened(**base, message=uuid4()),
        "customer-replied": MessageAdded(**base, **said, author="customer"),
        "agent-replied": MessageAdded(**base, **said, author="agent", by="anna"),
        "note-added": MessageAdded(**base, **said, author="agent", by="anna", note=True),
        "assigned": TicketAssigned(**base, agent="anna", reason="push"),
        "released": TicketAssigned(**base, agent=None, reason="requeue"),
    }
    for kind, data in told.items():
        assert happened(data).kinds == {kind}
        assert kind in triggers.KINDS[data.TYPE]
    for author, automatic in (("customer", True), ("rule", True), ("bot", True)):
        assert happened(MessageAdded(**base, **said, author=author, automatic=automatic)).kinds == frozenset()


class Breached(TicketEvent):
    """A clock of the ticket was due."""

    TYPE: ClassVar[str] = triggers.SLA_BREACHED
    kind: str


def test_a_breach_starts_rules_for_its_clock() -> None:
    what = happened(Breached(**telling.carried(ticket()), kind="first_reply"))
    kinds = [{"event": "sla-breached", "clock": "first_reply"}, {"event": "sla-breached"}]
    assert all(fits(one, what) for one in rule(when=kinds).rule.when)
    others = [{"event": "sla-breached", "clock": "resolution"}, {"event": "sla-warned"}]
    assert not any(fits(one, what) for one in rule(when=others).rule.when)


def test_a_trigger_may_be_narrowed() -> None:
    moved = rule(when=[{"event": "state-changed", "was": "open", "to": "pending"}]).rule.when[0]
    assert fits(moved, Happened(frozenset({"state-changed"}), "open", "pending"))
    assert not fits(moved, Happened(frozenset({"state-changed"}), "new", "pending"))
    tagged = rule(when=[{"event": "tagged", "any_of": ["vip"]}]).rule.when[0]
    assert fits(tagged, Happened(frozenset({"tagged"}), added=frozenset({"vip", "x"})))
    assert not fits(tagged, Happened(frozenset({"tagged"}), added=frozenset({"x"})))


def test_rules_that_cannot_fit_are_told_without_a_look_at_the_ticket() -> None:
    here = {"all": [{"field": "channel", "any_of": ["form"]}, {"field": "text", "any_of": ["refund"]}]}
    never = {"none": [{"field": "channel", "any_of": ["form"]}]}
    several = [
        rule("a", conditions=here),
        rule("b", conditions=never),
        rule("c", shops=["zest"]),
        rule("d", enabled=False),
    ]
    known = RuleSet.of(several)
    found = known.waiting_for(Happened(frozenset({"opened"})), PLACE)
    assert [one.id for one in found] == ["a"]
    assert known.waiting_for(Happened(frozenset({"assigned"})), PLACE) == []


WAIT = NoReply.model_validate({"event": "no-reply", "by": "agent", "minutes": 60})
REMIND = NoReply.model_validate({"event": "no-reply", "by": "customer", "minutes": 60, "hours": "business"})
STALE = InState.model_validate({"event": "in-state", "state": "pending", "minutes": 60})


def test_the_time_without_a_reply_runs_from_the_oldest_unanswered_message() -> None:
    base = telling.carried(ticket(state="open"))
    said = {"message": uuid4(), "accepted_at": NOW}
    asked = MessageAdded(**base, **said, author="customer")
    answered = MessageAdded(**base, **said, author="agent", by="anna")
    assert [triggers.sets(WAIT, one) for one in (asked, answered)] == ["start", "end"]
    assert [triggers.sets(REMIND, one) for one in (asked, answered)] == ["end", "restart"]
    assert triggers.sets(WAIT, MessageAdded(**base, **said, author="customer", automatic=True)) is None
    assert triggers.sets(WAIT, TicketOpened(**base, message=uuid4())) == "start"
    assert triggers.sets(REMIND, TicketOpened(**base, message=uuid4(), author="agent")) == "restart"
    solved = telling.changed(ticket(state="solved"), was="open", reason="agent")
    assert [triggers.sets(one, solved) for one in (WAIT, REMIND)] == ["end", "end"]
    assert triggers.sets(WAIT, TicketReopened(**base, message=uuid4())) == "start"


def test_the_time_in_a_state_runs_from_its_entry() -> None:
    pending = ticket(state="pending")
    assert triggers.sets(STALE, telling.changed(pending, was="open", reason="answered")) == "restart"
    assigned = TicketAssigned(**telling.carried(pending), agent="anna", reason="push")
    assert triggers.sets(STALE, assigned) is None
    assert triggers.sets(STALE, telling.changed(ticket(state="open"), was="pending", reason="agent")) == "end"
    unassigned = STALE.model_copy(update={"state": "new"})
    accepted = TicketAssigned(**telling.carried(ticket(state="open")), agent="anna", reason="push")
    assert triggers.sets(unassigned, TicketOpened(**telling.carried(ticket()), message=uuid4())) == "restart"
    assert triggers.sets(unassigned, accepted) == "end"


def test_what_is_marked_as_spam_waits_for_nothing() -> None:
    marked = do(ticket(), rule(actions=[{"do": "mark-spam"}]).rule.actions, NOW).edited
    told = telling.edited(marked, reason="rule")
    assert [triggers.sets(one, told) for one in (WAIT, REMIND, STALE)] == ["end", "end", "end"]


def test_business_hours_count_only_while_the_shop_is_open() -> None:
    shop = Calendar.of(CalendarDocument(name="c", week={"tue": ("09:00-17:00",)}))
    assert triggers.due_at(REMIND, NOW, shop) == datetime(2026, 3, 3, 10, tzinfo=UTC)
    assert triggers.due_at(REMIND, NOW, None) == NOW + timedelta(hours=1)
    assert triggers.due_at(WAIT, NOW, shop) == NOW + timedelta(hours=1)


KINDS = ("opened", "tagged", "untagged", "priority-changed", "state-changed", "note-added")
TAGS = st.sampled_from(["a", "b", "c"])
ACTIONS = st.one_of(
    st.sampled_from(["low", "normal", "high"]).map(lambda p: {"do": "set-priority", "priority": p}),
    st.sampled_from(["open", "pending", "on-hold", "solved"]).map(lambda s: {"do": "set-state", "state": s}),
    TAGS.map(lambda t: {"do": "add-tags", "tags": [t]}),
    TAGS.map(lambda t: {"do": "remove-tags", "tags": [t]}),
    st.just({"do": "add-note", "text": "x"}),
)
RULES = st.lists(
    st.fixed_dictionaries(
        {
            "when": st.lists(st.sampled_from(KINDS).map(lambda k: {"event": k}), min_size=1, max_size=3),
            "actions": st.lists(ACTIONS, min_size=1, max_size=3),
            "order": st.integers(0, 3),
            "stop": st.booleans(),
        }
    ),
    max_size=8,
).map(lambda found: [rule(f"r{n}", **raw) for n, raw in enumerate(found)])


def caused(outcome: Outcome) -> list[Happened]:
    """What the acts of a rule are told as: the fields and then the state, notes by nobody's hand."""
    assert outcome.doing is not None
    done, told = outcome.doing.edited, []
    if done.changes:
        told.append(happened(telling.edited(done, reason="rule")))
    if done.moved:
        told.append(happened(telling.changed(done.ticket, was=done.before.state, reason="rule")))
    return told


@settings(max_examples=200, deadline=None)
@given(RULES)
def test_no_set_of_rules_goes_round_for_ever_and_none_acts_twice_on_what_it_caused(rules: list[Known]) -> None:
    known, now = RuleSet.of(rules), ticket()
    waiting = [(Happened(frozenset({"opened"})), Chain(depth=1))]
    ran: frozenset[str] = frozenset()
    acts = 0
    while waiting:
        what, chain = waiting.pop(0)
        asked = known.waiting_for(what, (now.channel, now.account, now.shop))
        for outcome in run(asked, Facts(now, NOW), replace(chain, ran=ran)):
            if outcome.acts and outcome.doing is not None:
                acts += 1
                ran |= {outcome.known.id}
                now = outcome.doing.edited.ticket
                waiting += [(told, Chain(True, depth=chain.depth + 1)) for told in caused(outcome)]
    assert acts <= len(rules)


@settings(max_examples=100, deadline=None)
@given(RULES, st.randoms(use_true_random=False))
def test_the_order_in_which_rules_are_stored_is_no_matter(rules: list[Known], chance: random.Random) -> None:
    facts, shuffled = Facts(ticket(), NOW), list(rules)
    chance.shuffle(shuffled)
    assert run(rules, facts) == run(shuffled, facts)
    opened = Happened(frozenset({"opened", "tagged"}))
    assert RuleSet.of(rules).waiting_for(opened, PLACE) == RuleSet.of(shuffled).waiting_for(opened, PLACE)


LEAVES = st.sampled_from(
    [
        {"field": "channel", "any_of": ["form"]},
        {"field": "channel", "any_of": ["mail"]},
        {"field": "shop", "any_of": ["acme"]},
        {"field": "state", "any_of": ["new"]},
        {"field": "cycle", "at_least": 2},
        {"field": "text", "any_of": ["refund"]},
    ]
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.tuples(st.sampled_from(["all", "any", "none"]), st.lists(inner, min_size=1, max_size=3)).map(
        lambda pair: {pair[0]: pair[1]}
    ),
    max_leaves=10,
)


@given(CONDITIONS)
def test_what_is_told_without_a_look_is_never_wrong(raw: dict[str, Any]) -> None:
    condition = CONDITION.validate_python(raw)
    early = possible(condition, "form", "acme-form", "acme")
    if early is not None:
        assert early == (why_not(condition, Facts(ticket(), NOW)) is None)
    assert needs_messages(condition) == ("'text'" in str(raw))
