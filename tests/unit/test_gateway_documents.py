"""Macros and rules as they are saved: whatever is wrong is told at its place in the document."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.gateway import documents
from shared.errors import Invalid

RULE: dict[str, Any] = {
    "name": "Big orders first",
    "when": [{"event": "opened"}],
    "conditions": {"all": [{"field": "channel", "any_of": ["form"]}, {"none": [{"field": "tags", "any_of": ["b2b"]}]}]},
    "actions": [{"do": "set-priority", "priority": "high"}],
}


def wrong(kind: str, raw: dict[str, Any]) -> list[str]:
    """The pointers of what is wrong."""
    with pytest.raises(Invalid) as refused:
        documents.checked(kind, raw)
    return [field["pointer"] for field in refused.value.fields]


def test_a_good_rule_is_kept_as_it_was_given() -> None:
    kept = documents.plain(documents.checked("rule", RULE))
    assert (kept["when"], kept["actions"]) == (RULE["when"], RULE["actions"])
    assert documents.plain(documents.checked("rule", kept)) == kept


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"when": []}, "/when"),
        ({"when": [{"event": "opend"}]}, "/when/0"),
        ({"when": [{"event": "opened"}, {"event": "no-reply", "by": "agent", "minutes": 0}]}, "/when/1/minutes"),
        ({"when": [{"event": "in-state", "state": "closed", "minutes": 5}]}, "/when/0/state"),
        ({"conditions": {"any": []}}, "/conditions/any"),
        ({"conditions": {"or": []}}, "/conditions"),
        ({"conditions": {"all": [{"field": "colour", "any_of": ["x"]}]}}, "/conditions/all/0"),
        ({"conditions": {"all": [{"field": "priority", "any_of": ["top"]}]}}, "/conditions/all/0/any_of/0"),
        ({"conditions": {"field": "text", "any_of": ["!!"]}}, "/conditions/any_of/0"),
        ({"conditions": {"field": "hours-since", "of": "opened"}}, "/conditions"),
        ({"conditions": {"all": [{"any": [{"none": [{"field": "tags"}]}]}]}}, "/conditions/all/0/any/0/none/0"),
        ({"actions": [{"do": "set-priority", "priority": "top"}]}, "/actions/0/priority"),
        ({"actions": [{"do": "fly"}]}, "/actions/0"),
        ({"actions": [{"do": "notify", "text": "x"}]}, "/actions/0"),
        ({"actions": [{"do": "add-note", "text": "{{ customer.nam }}"}]}, "/actions/0/text"),
        ({"order": -1}, "/order"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_what_is_wrong_with_a_rule_is_told_at_its_place(change: dict[str, Any], pointer: str) -> None:
    assert wrong("rule", RULE | change) == [pointer]


@pytest.mark.parametrize("page", ["automation.md", "macros.md"])
def test_the_examples_of_the_docs_can_be_saved(page: str) -> None:
    text = (Path(__file__).parent.parent.parent / "docs" / page).read_text()
    (example,) = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    saved = [documents.checked(kind, raw) for kind, there in example.items() for raw in there.values()]
    assert saved


def test_conditions_nested_without_end_are_refused() -> None:
    deep: dict[str, Any] = {"field": "cycle", "at_least": 2}
    for _ in range(7):
        deep = {"all": [deep]}
    assert wrong("rule", RULE | {"conditions": deep}) == [""]
    assert wrong("rule", RULE | {"conditions": {"any": [{"none": [{"field": "cycle", "at_least": 2}] * 99}] * 2}}) == [
        ""
    ]


def test_what_is_wrong_with_a_macros_words_is_told_by_language_and_line() -> None:
    texts = {"en": "Hi {{ customer.name }}", "de": "Hallo\n{{ kunde.name }}", "fr": "{% if %}"}
    with pytest.raises(Invalid) as refused:
        documents.checked("macro", {"name": "Hello", "texts": texts})
    de, fr = refused.value.fields
    assert (de["pointer"], fr["pointer"]) == ("/texts/de", "/texts/fr")
    assert de["detail"].startswith("line 2: there is no variable kunde.name")


def test_what_a_rule_refers_to_is_known() -> None:
    condition = {"any": [{"field": "shop", "any_of": ["acme"]}, {"field": "assignee", "any_of": ["anna"]}]}
    actions = [{"do": "answer", "macro": "hello"}, {"do": "notify", "agents": ["ben"], "text": "Look"}]
    rule = documents.checked("rule", RULE | {"conditions": condition, "actions": actions, "shops": ["zest"]})
    assert documents.references("rule", rule) == [
        (("shops", 0), "shop", "zest"),
        (("conditions", "any", 0, "any_of", 0), "shop", "acme"),
        (("conditions", "any", 1, "any_of", 0), "agent", "anna"),
        (("actions", 0, "macro"), "macro", "hello"),
        (("actions", 1, "agents", 0), "agent", "ben"),
    ]
