"""Settings documents: validation with places, sealed and hidden secrets, references, ids of records."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway import documents
from services.gateway.changes import expected_versions
from services.gateway.documents import checked, machine_references, plain, references, shown, to_keep
from shared.contracts.settings import KINDS, Account, Secret
from shared.errors import Invalid, NotFound
from shared.secrets import open_secret, seal

KEY = "the installation key"
VALUES = st.lists(st.text(st.characters(codec="utf-8"), min_size=8, max_size=60), max_size=3, unique=True)


def account(*secrets: Secret) -> Account:
    return Account(channel="http", shop="north", secrets=secrets)


def test_an_unknown_kind_is_answered_with_those_there_are() -> None:
    with pytest.raises(NotFound, match=", ".join(KINDS)):
        checked("telescope", {})


def test_every_wrong_field_is_named_and_no_value_is_repeated() -> None:
    with pytest.raises(Invalid) as caught:
        checked("account", {"channel": "NOT A TOKEN", "secrets": [{"value": "abc"}, {"env": "A", "file": "b"}]})
    places = [field["pointer"] for field in caught.value.fields]
    assert places == ["/channel", "/shop", "/secrets/0/value", "/secrets/1"]
    assert "abc" not in json.dumps(caught.value.fields)
    assert "NOT A TOKEN" not in json.dumps(caught.value.fields)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_of_a_kind_is_valid_for_that_kind(kind: str) -> None:
    others = {"account": {"channel": "http", "shop": "north"}, "routing": {}}
    others["calendar"] = {"name": "Office", "week": {"mon": ["09:00-17:00"]}}
    others["sla"] = {"name": "Standard", "targets": {"normal": {"first_reply_s": 3600}}}
    others["promise"] = {"name": "A day", "within_s": 86_400, "percent": 80}
    others["macro"] = {"name": "Hello", "texts": {"en": "Hello"}}
    others["rule"] = {"name": "Urgent", "when": [{"event": "opened"}], "actions": [{"do": "add-tags", "tags": ["new"]}]}
    least = others.get(kind, {"name": "Name"})
    kept = plain(checked(kind, least))
    assert plain(checked(kind, kept)) == kept


@given(VALUES)
def test_no_form_of_a_kept_or_shown_document_holds_a_secret(values: list[str]) -> None:
    kept = to_keep(account(*(Secret(value=value) for value in values)), None, KEY)
    seen = json.dumps([kept, shown("account", kept)], ensure_ascii=False)
    assert not [value for value in values if value in seen and value not in json.dumps(plain(account()))]
    tokens = [secret["sealed"] for secret in kept["secrets"]]
    assert not [token for token in tokens if token in json.dumps(shown("account", kept))]


@given(VALUES)
def test_a_shown_document_sent_back_keeps_every_secret(values: list[str]) -> None:
    kept = to_keep(account(*(Secret(value=value) for value in values)), None, KEY)
    again = to_keep(checked("account", shown("account", kept)), Account.model_validate(kept), KEY)
    assert again == kept


@given(VALUES)
def test_the_same_values_again_are_the_same_document(values: list[str]) -> None:
    given_ = account(*(Secret(value=value) for value in values))
    kept = to_keep(given_, None, KEY)
    assert to_keep(given_, Account.model_validate(kept), KEY) == kept


def test_a_mark_follows_its_secret_to_another_place() -> None:
    old = to_keep(account(Secret(value="the old secret")), None, KEY)
    mark = Secret.model_validate(shown("account", old)["secrets"][0])
    kept = Account.model_validate(
        to_keep(account(Secret(value="the new secret"), mark), Account.model_validate(old), KEY)
    )
    assert [open_secret(secret, KEY) for secret in kept.secrets] == ["the new secret", "the old secret"]


@pytest.mark.parametrize(
    "secret",
    [
        Secret(sealed="…0123456789ab"),
        Secret(sealed="gAAAAABnot-a-token"),
        seal("sealed elsewhere", "another installation"),
        Secret(env="SWITCHBOARD_KEY"),
    ],
)
def test_a_secret_that_could_never_be_opened_is_refused_where_it_stands(secret: Secret) -> None:
    with pytest.raises(Invalid) as caught:
        to_keep(account(Secret(value="a good secret"), secret), None, KEY)
    assert [field["pointer"] for field in caught.value.fields] == ["/secrets/1"]


def test_what_is_sealed_with_our_key_may_be_kept_in_git() -> None:
    sealed = seal("kept in git", KEY)
    assert to_keep(account(sealed), None, KEY)["secrets"] == [{"sealed": sealed.sealed}]


def test_references_to_the_machine_are_seen() -> None:
    found = machine_references(account(Secret(env="FORM"), Secret(file="/run/form"), Secret(value="a value here")))
    assert found == {("env", "FORM"), ("file", "/run/form")}


def test_everything_a_document_refers_to_is_found_with_its_place() -> None:
    agent = checked("agent", {"name": "Ada", "team": "first", "skills": [{"skill": "refunds"}], "shops": ["north"]})
    assert references("agent", agent) == [
        (("team",), "team", "first"),
        (("skills", 0, "skill"), "skill", "refunds"),
        (("shops", 0), "shop", "north"),
    ]
    routing = checked("routing", {"channels": {"http": {"requires": [{"skill": "refunds"}]}}})
    assert references("routing", routing) == [(("channels", "http", "requires", 0, "skill"), "skill", "refunds")]


def test_each_version_has_an_id_of_its_own_that_is_the_same_each_time() -> None:
    ids = {documents.event_id("main", "team", name, version) for name in "ab" for version in (1, 2)}
    assert len(ids) == 4
    assert documents.event_id("main", "team", "a", 1) in ids


@pytest.mark.parametrize(
    ("header", "versions"),
    [(None, None), ("*", ()), ('"3"', (3,)), ('"3", "4"', (3, 4)), (' "12" ', (12,))],
)
def test_if_match_names_versions(header: str | None, versions: tuple[int, ...] | None) -> None:
    assert expected_versions(header) == versions


@pytest.mark.parametrize("header", ["3", 'W/"3"', '"', '""', '"a"', '"3",', '"-1"', '"³"'])
def test_an_if_match_that_is_no_etag_of_ours_is_refused(header: str) -> None:
    with pytest.raises(Invalid, match="ETag"):
        expected_versions(header)
