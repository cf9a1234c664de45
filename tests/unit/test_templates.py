"""Texts with variables: what they may say, what is told when they are saved, and that nothing loops, grows or leaks."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import templates
from shared.errors import Invalid
from shared.templates import DESK, Money, Values, faults, render

FULL: Values = {
    "customer": {"name": "Ada Lovelace", "first_name": "Ada", "email": "ada@example.com", "language": "de"},
    "order": {"name": "#1001"},
    "shop": {"name": "Acme"},
    "ticket": {"opened_at": datetime(2026, 3, 9, 23, 30, tzinfo=UTC), "tags": ("vip", "b2b"), "subject": "Hello"},
}


def said(source: str, values: Values = FULL, language: str = "en") -> str:
    """The text, which must be whole."""
    made = render(source, values, language=language, zone="Europe/Berlin")
    assert made.missing == ()
    return made.text


def test_variables_stand_for_this_tickets_data() -> None:
    assert said("Hello {{ customer.first_name }}, {{order.name}} is on its way.") == "Hello Ada, #1001 is on its way."


def test_a_missing_variable_is_told_by_its_name_and_shown_where_it_would_stand() -> None:
    made = render("Dear {{ customer.name }}, {{ order.name | upcase }}: {{ order.name }}", {}, language="en")
    assert made.missing == ("customer.name", "order.name")
    assert made.text == "Dear ⟦customer.name⟧, ⟦ORDER.NAME⟧: ⟦order.name⟧"


@pytest.mark.parametrize("nothing", [None, "", "  ", ()])
def test_what_is_empty_is_missing(nothing: str | None) -> None:
    assert render("{{ order.name }}", {"order": {"name": nothing}}, language=None).missing == ("order.name",)


def test_a_default_and_a_condition_do_without_a_value() -> None:
    source = "Hi {{ customer.first_name | default: 'there' }}{% if order.name %}, about {{ order.name }}{% endif %}!"
    assert said(source, {}) == "Hi there!"
    assert said(source) == "Hi Ada, about #1001!"


def test_dates_are_written_as_the_language_does_in_the_shops_zone() -> None:
    assert said("{{ ticket.opened_at | date }}", language="de") == "10. März 2026"
    assert said("{{ ticket.opened_at | date }}", language="zh-Hant") == "2026年3月10日"
    assert said("{{ ticket.opened_at | date }}", language="xx-unknown") == "March 10, 2026"


def test_amounts_are_written_as_the_language_does() -> None:
    shape = {"order": frozenset({"total"})}
    values: Values = {"order": {"total": Money(Decimal("1234.5"), "EUR")}}
    assert render("{{ order.total | money }}", values, language="de", shape=shape).text == "1.234,50\u00a0€"
    assert render("{{ order.total }}", values, language="de", shape=shape).text == "1234.5 EUR"


def test_lists_are_joined_or_walked_through() -> None:
    assert said("{{ ticket.tags | join }}") == "vip, b2b"
    assert said("{% for tag in ticket.tags %}<{{ tag }}>{% endfor %}") == "<vip><b2b>"


def test_what_a_customer_wrote_is_never_a_template() -> None:
    values: Values = {"ticket": {"subject": "{{ customer.email }}{% for i in (1..9) %}"}}
    assert said("{{ ticket.subject }}", values) == "{{ customer.email }}{% for i in (1..9) %}"


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("Hello {{ customer.nam }}", 1, "no variable customer.nam"),
        ("one\ntwo {{ order }}", 2, "no variable order"),
        ("{{ customer.name.first }}", 1, "no variable customer.name.first"),
        ("{{ customer['__class__'] }}", 1, "no variable customer.__class__"),
        ("{{ customer[order.name] }}", 1, "no variable"),
        ("{{ customer.name | append: 'x' }}", 1, "no filter append"),
        ("{{ customer.name | date: 'tomorrow' }}", 1, "short, medium, long, full"),
        ("{{ customer.name | truncate: 'x' }}", 1, "number of characters"),
        ("a\nb\n{{ customer.name", 3, "expected '}}'"),
        ("{% if order.name %}", 1, "endif"),
        ("{% assign x = 1 %}", 1, "unexpected tag 'assign'"),
        ("{% include 'secrets' %}", 1, "unexpected tag 'include'"),
        ("{% for i in (1..100000000) %}x{% endfor %}", 1, "limit"),
        ("{% for i in (1..50) %}{% for j in (1..50) %}x{% endfor %}{% endfor %}", 1, "limit"),
        ("{% for tag in ticket.tags limit: -1 %}x{% endfor %}", 1, "cannot be made"),
        ("{% if ticket.opened_at > 3 %}x{% endif %}", 1, "not supported"),
        ("{% break %}", 1, "unexpected 'break'"),
        ("{% if order.name %}" * 20 + "{% endif %}" * 20, 1, "nest"),
    ],
)
def test_a_template_that_cannot_be_used_is_told_with_its_line(source: str, line: int, said: str) -> None:
    fault = faults(source)[0]
    assert (fault.line, said in fault.detail) == (line, True), fault


def test_a_text_that_grows_too_long_is_refused() -> None:
    source = "{% for i in (1..100) %}{{ customer.name }}{% endfor %}"
    with pytest.raises(Invalid, match="output"):
        render(source, {"customer": {"name": "x" * 2000}}, language="en")


PIECES = st.sampled_from(
    [f"{{{{ {root}.{name} }}}}" for root, names in DESK.items() for name in sorted(names)]
    + ["{% if order.name %}", "{% else %}", "{% endif %}", "{% for t in ticket.tags %}", "{% endfor %}", "text ", "\n"]
    + ["{{ t }}", "{{", "%}", "{% case order.name %}", "| upcase", "{{ customer.name | default: 'x' | date }}", "é中"]
)


@given(st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join))
def test_what_has_no_fault_can_be_made_with_any_data(source: str) -> None:
    """A lead is told when he saves, so that no agent finds out when he sends."""
    if faults(source) == []:
        for values in ({}, FULL):
            made = templates.render(source, values, language="de")
            assert set(made.missing) <= {f"{root}.{name}" for root, names in DESK.items() for name in names} | {"t"}
