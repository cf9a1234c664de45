"""In which language a macro speaks."""

import pytest
from pydantic import ValidationError

from services.tickets.domain.macros import language_of
from shared.contracts.macros import Macro


def macro(*languages: str, default: str | None = None) -> Macro:
    """A macro in these languages."""
    return Macro(name="m", texts=dict.fromkeys(languages, "x"), default=default)


@pytest.mark.parametrize(
    ("wanted", "there", "spoken"),
    [
        ("de", ("en", "de"), "de"),
        ("de-AT", ("en", "de"), "de"),
        ("pt-BR", ("pt", "pt-BR"), "pt-BR"),
        ("pt", ("en", "pt-BR"), "pt-BR"),
        ("pt-PT", ("en", "pt-BR"), "pt-BR"),
        ("zh-TW", ("zh-Hans", "zh-Hant"), "zh-Hant"),
        ("zh-HK", ("zh", "zh-Hant"), "zh-Hant"),
        ("zh-CN", ("zh-Hans", "zh-Hant"), "zh-Hans"),
        ("zh", ("zh-Hant", "zh-Hans"), "zh-Hans"),
        ("zh-Hans-SG", ("en", "zh"), "zh"),
        ("zh-Hant", ("en", "zh-Hans"), "en"),
        ("zh-Hans", ("en", "zh-Hant"), "en"),
        ("zh-TW", ("en", "zh"), "en"),
        ("ar", ("en", "de"), "en"),
        (None, ("de", "en"), "de"),
    ],
)
def test_the_nearest_language_is_chosen(wanted: str | None, there: tuple[str, ...], spoken: str) -> None:
    assert language_of(macro(*there), wanted) == spoken


def test_the_workspaces_language_comes_before_the_macros_default() -> None:
    asked = macro("en", "fr", "es", default="es")
    assert language_of(asked, "ar", ("fr", "en")) == "fr"
    assert language_of(asked, "ar", ("nl",)) == "es"
    assert language_of(asked, "ar") == "es"


def test_a_macro_without_words_has_no_language() -> None:
    tagging = Macro.model_validate({"name": "m", "actions": [{"do": "add-tags", "tags": ["seen"]}]})
    assert language_of(tagging, "en") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"texts": {"en": "x"}, "default": "de"},
        {"texts": {"en": "  "}},
        {"texts": {"English": "x"}},
        {"texts": {"en": "x"}, "actions": [{"do": "answer", "macro": "m"}]},
    ],
)
def test_a_macro_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Macro.model_validate({"name": "m", **wrong})
