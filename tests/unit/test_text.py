"""Text of customers: safe to keep, right to compare."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import text


def test_control_characters_and_halves_of_pairs_are_taken_out_and_line_ends_made_plain() -> None:
    assert text.clean(" a\0b\r\nc\rd\x07\ud83d \t") == "ab\nc\nd\ufffd"


@given(st.text(st.characters()))
def test_cleaned_text_can_be_stored_and_cleaning_again_changes_nothing(source: str) -> None:
    once = text.clean(source)
    assert "\0" not in once
    once.encode()
    assert text.clean(once) == once


@given(st.text(st.characters(), max_size=400), st.integers(1, 50))
def test_a_line_is_one_line_of_at_most_that_length(source: str, limit: int) -> None:
    line = text.one_line(source, limit)
    assert len(line) <= limit
    assert not set(line) & set("\n\r\t\0")


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [("A@B.c", "a@b.c"), (" a+b@x.co ", "a+b@x.co"), ("a@b@c", None), ("a b@c", None), ("@c", None), ("", None)],
)
def test_addresses_are_compared_in_lower_case(given_: str, wanted: str | None) -> None:
    assert text.email_address(given_) == wanted


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ("+31 20 123 45 67", "+31201234567"),
        ("+1-202-555-0143", "+12025550143"),
        ("0201234567", None),
        ("+0123456", None),
    ],
)
def test_phone_numbers_are_international(given_: str, wanted: str | None) -> None:
    assert text.phone_number(given_) == wanted


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [("EN", "en"), ("pt_br", "pt-BR"), ("zh-hans", "zh-Hans"), ("zh-HANT-hk", "zh-Hant-HK"), ("x", None), (None, None)],
)
def test_language_tags_have_their_usual_casing(given_: str | None, wanted: str | None) -> None:
    assert text.language_tag(given_) == wanted


@pytest.mark.parametrize(
    ("html", "seen"),
    [
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<p>one</p>\n<p>two</p>", "one\n\ntwo"),
        ("<ul><li>a<li>b</ul>", "a\nb"),
        ("2 &lt; 3 &amp; 5 < 7", "2 < 3 & 5 < 7"),
        ("<!-- no -->yes<!-- never ends", "yes"),
        ("<STYLE>p{}</STYLE>x<Script>y()</sCript >z", "xz"),
        ("<script>never ends", ""),
        ("  a\n\n   b  ", "a b"),
        ("&lt;script&gt;", "<script>"),
        ("İ<style>x</style>y", "İy"),
    ],
)
def test_html_is_read_as_its_reader_sees_it(html: str, seen: str) -> None:
    assert text.html_to_text(html) == seen


@given(st.text(st.sampled_from("<>!-/ab &;\n\"'")))
def test_any_html_is_read(html: str) -> None:
    text.html_to_text(html)
