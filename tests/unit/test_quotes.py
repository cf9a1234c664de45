"""What a reply says itself is told from what it quotes, in every language; where that is unsure nothing is cut."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.channels.formats.quotes import visible_html, visible_text
from tests.unit.quotes_table import CUT, WHOLE


@pytest.mark.parametrize("name", CUT)
def test_the_quotation_and_the_signature_are_cut(name: str) -> None:
    visible, _, rest = CUT[name].partition("\n~~~\n")
    assert visible_text(f"{visible}\n\n{rest}", signatures=True) == visible


@pytest.mark.parametrize("name", CUT)
def test_the_same_with_other_line_ends_and_without_marks_of_the_quotation(name: str) -> None:
    visible, _, rest = CUT[name].partition("\n~~~\n")
    said = visible_text(f"{visible}\n\n{rest}".replace("\n", "\r\n"), signatures=True)
    assert said == visible


@pytest.mark.parametrize("name", WHOLE)
def test_nothing_is_cut_from_what_is_no_quotation(name: str) -> None:
    assert visible_text(WHOLE[name], signatures=True) == WHOLE[name]


def test_the_table_is_long_enough() -> None:
    assert len(CUT) >= 40


def test_an_answer_below_the_quotation_is_kept() -> None:
    text = "On 1/5/26 10:03, Canal Bikes wrote:\n> Which colour?\n> Canal Bikes\n\nRed."
    assert visible_text(text) == "Red."


def test_a_signature_stays_where_only_quotations_are_asked_for() -> None:
    assert visible_text("Hi\n\n-- \nAda") == "Hi\n\n-- \nAda"


@pytest.mark.parametrize(
    ("html", "visible"),
    [
        ('<p>Yes.</p><div class="gmail_quote"><div>On Monday A wrote:</div><p>Really?</p></div>', "Yes."),
        ('Yes.<div id="divRplyFwdMsg"><b>From:</b> A &lt;a@b.c&gt;<br><b>Sent:</b> Monday, 5 January 2026 10:03<br>'
         "<b>To:</b> B<br><b>Subject:</b> x</div><p>Really?</p>", "Yes."),
        ('<div>Ja.</div><div class="yahoo_quoted"><div>Am 5.1.2026 schrieb A:</div>Wirklich?</div>', "Ja."),
        ('<p>Look</p><div class="gmail_quote">---------- Forwarded message ---------<br>From: x<p>body</p></div>',
         "Look\n\n---------- Forwarded message ---------\nFrom: x\n\nbody"),
        ("<blockquote>all of it</blockquote>", "all of it"),
        ("<blockquote type=cite>Colour?</blockquote>Red<blockquote type=cite>Size?</blockquote>XL",
         "Colour?\n\nRed\n\nSize?\n\nXL"),
    ],
)  # fmt: skip
def test_html_is_cut_by_its_elements(html: str, visible: str) -> None:
    assert visible_html(html) == visible


@given(
    st.lists(st.sampled_from([*CUT.values(), *WHOLE.values(), "> a", "On 1/5/26 10:03, A wrote:", "", "x"]), max_size=6)
)
def test_nothing_is_made_up_and_something_is_always_left(parts: list[str]) -> None:
    text = "\n".join(parts)
    visible = visible_text(text, signatures=True)
    assert bool(visible.strip()) == bool(text.strip())
    assert set(visible.split()) <= set(text.split())


@given(st.text(st.sampled_from(" \n>:-_*<@.1Onwrte写道："), max_size=300))
def test_any_text_is_read(text: str) -> None:
    visible_text(text, signatures=True)
    visible_html(text, signatures=True)


HOSTILE = [
    "On 1 wrote:\n",
    "On 1\n",
    "From: a@b\n",
    "Date: 1:00\n",
    "> a\nb\n",
    "a@b\n",
    "<blockquote>",
    "<div class=x ",
    "1 " * 200,
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_hostile_text_is_read_within_a_second(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    before = time.process_time()
    visible_text(text, signatures=True)
    visible_html(text, signatures=True)
    assert time.process_time() - before < 3
