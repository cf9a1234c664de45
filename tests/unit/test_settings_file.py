"""Settings in a file: what is read, and how each mistake is told with its line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Invalid, NotFound
from switchboard.settings_file import parse, read

SHOP = """\
shop:
  north: {name: North, zone: Europe/Amsterdam}
agent:
  ada:
    name: Ada
    languages: [en, "no"]
    skills:
      - {skill: refunds, level: 4}
"""


def problems(text: str) -> list[str]:
    return [f"{field['pointer']}: {field['detail']}" for field in parse(text)[1]]


def test_a_file_gives_its_documents_with_their_lines() -> None:
    wanted, wrong = parse(SHOP)
    assert wrong == []
    assert [(one.kind, one.id, one.line) for one in wanted] == [("shop", "north", 2), ("agent", "ada", 4)]
    assert wanted[0].document == {"name": "North", "zone": "Europe/Amsterdam"}


def test_json_is_read_too() -> None:
    wanted, wrong = parse('{"shop": {"north": {"name": "North"}}}')
    assert (wrong, wanted[0].document) == ([], {"name": "North"})


def test_several_documents_of_a_file_belong_together() -> None:
    wanted, wrong = parse("shop:\n  north: {name: North}\n---\nshop:\n  south: {name: South}\n")
    assert (wrong, [one.id for one in wanted]) == ([], ["north", "south"])


def test_an_empty_file_asks_for_nothing() -> None:
    assert parse("# nothing yet\n") == ([], [])


def test_norwegian_is_a_language_and_a_leading_zero_is_kept() -> None:
    wanted, wrong = parse("agent:\n  no:\n    name: 0123\n    languages: [no, en]\n")
    assert wrong == []
    assert (wanted[0].id, wanted[0].document) == ("no", {"name": "0123", "languages": ["no", "en"]})


def test_a_wrong_field_is_told_with_its_line_and_place() -> None:
    (told,) = problems(SHOP.replace("level: 4", "level: 9"))
    assert told.startswith("line 8: agent ada, /skills/0/level: ")
    assert "less than or equal to 5" in told


def test_a_missing_field_is_told_at_its_document() -> None:
    (told,) = problems("shop:\n  north:\n    zone: UTC\n")
    assert told == "line 2: shop north, /name: Field required"


def test_every_mistake_of_a_file_is_told_at_once() -> None:
    told = problems("shop:\n  north: {nme: x}\nshops: {}\nagent: [1]\nteam:\n  Bad Id: {name: x}\n")
    assert [line.partition(":")[0] for line in told] == ["line 2", "line 2", "line 3", "line 4", "line 6"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("shop:\n  north: {name: a}\n  north: {name: b}\n", "line 3: shop north: stands here twice"),
        ("shop:\n  north: {name: a}\n---\nshop:\n  north: {name: b}\n", "line 5: shop north: stands in the file twice"),
        ("shop:\n  north: {name: 'a}\n", "is not YAML"),
        ("just words", "line 1: the file: holds kinds of settings"),
        ("a: " + "[" * 200 + "]" * 200, "is nested deeper"),
        ("shop: &all\n  north: *all\n", "line"),
        ("shop: !!python/object/apply:os.system [ls]\n", "is not YAML"),
    ],
)
def test_what_is_no_settings_file_is_refused_in_plain_words(text: str, words: str) -> None:
    assert any(words in told for told in problems(text)), problems(text)


def test_a_secret_is_not_repeated_in_a_mistake() -> None:
    told = problems("account:\n  form:\n    channel: http\n    shop: north\n    secrets: [{value: hush, env: A}]\n")
    assert told
    assert "hush" not in " ".join(told)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"missing\.yaml"):
        read(tmp_path / "missing.yaml")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Invalid, match="cannot be read"):
        read(file)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_line(text: str) -> None:
    wanted, wrong = parse(text)
    assert all(field["pointer"].startswith("line ") for field in wrong)
    assert wrong or all(one.document is not None for one in wanted)
