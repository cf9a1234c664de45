"""What a message wants, read from its words in ten languages."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tickets.domain.intents import lexicon, lexicon_classifier
from services.tickets.domain.intents.automaton import Automaton
from services.tickets.domain.intents.classifier import INTENTS, PRIORITIES, SIGNALS
from services.tickets.domain.intents.folding import fold
from services.tickets.domain.intents.gratitude import is_nod, is_thanks
from services.tickets.domain.intents.reading import known_names
from tests import intent_sentences
from tests.intent_sentences import LANGUAGES, PARTS, score, sentences

ROOT = Path(__file__).parent.parent.parent
CLASSIFIER = lexicon_classifier()
LEAST_RIGHT = {"seen": 0.95, "held_out": 0.85, "unseen": 0.5}
MOST_WRONG = {"seen": 0.03, "held_out": 0.06, "unseen": 0.25}


def read(text: str, language: str | None = "en") -> str | None:
    return CLASSIFIER.classify(text, subject=None, language=language).intent


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("part", PARTS)
def test_sentences_are_read_as_often_right_as_the_table_promises(part: str, language: str) -> None:
    result, _ = score(list(sentences(part, language)))
    assert result.right >= LEAST_RIGHT[part] * result.all
    assert result.wrong <= MOST_WRONG[part] * result.all


@pytest.mark.parametrize("part", PARTS)
def test_a_policy_question_is_told_from_an_order_question(part: str) -> None:
    result, _ = score([one for language in LANGUAGES for one in sentences(part, language)])
    assert result.about_right >= 0.9 * result.about


def test_there_are_a_thousand_sentences_and_three_hundred_that_nothing_was_tuned_on() -> None:
    count = {part: sum(1 for language in LANGUAGES for _ in sentences(part, language)) for part in PARTS}
    assert sum(count.values()) >= 1_000
    assert count["held_out"] + count["unseen"] >= 300


def test_every_sentence_has_an_intent_of_the_list() -> None:
    named = {one.intent for part in PARTS for language in LANGUAGES for one in sentences(part, language)}
    assert named - {None} == set(INTENTS)


def test_the_table_in_the_docs_is_fresh() -> None:
    assert (ROOT / "docs" / "intents.md").read_text() == intent_sentences.document(), "run script/generate"


def test_rules_give_only_what_is_known_and_every_intent_can_be_given() -> None:
    given_ = {line.split()[0] for line in lexicon.lines(lexicon.RULES)}
    assert given_ <= known_names()
    assert set(INTENTS) - {"thanks"} <= given_
    assert set(PRIORITIES) <= set(INTENTS) | set(SIGNALS)


def test_each_language_names_the_concepts_that_every_rule_needs() -> None:
    files = [path for path in lexicon.FOLDER.glob("*.txt") if path != lexicon.RULES]
    named = {path.stem: {concept for concept, _ in lexicon.phrases(path)} for path in files}
    assert named.keys() == set(LANGUAGES)
    everywhere = set.union(*named.values())
    assert {
        language: sorted(everywhere - concepts) for language, concepts in named.items() if everywhere - concepts
    } == {}


def test_a_lexicon_with_a_phrase_that_nothing_matches_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "en.txt"
    wrong.write_text("parcel: box | ...\n")
    with pytest.raises(lexicon.Malformed, match="nothing can match"):
        list(lexicon.phrases(wrong))


def test_a_rule_with_an_unknown_concept_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "rules.txt"
    wrong.write_text("refund 3 mony back\n")
    with pytest.raises(lexicon.Malformed, match="names mony"):
        list(lexicon.rules(wrong, {"back": 1}))


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        ("your shop is down, nobody can buy", "shop-down"),
        ("Ihre Seite ist nicht erreichbar", "shop-down"),
        ("网站打不开", "shop-down"),
        ("my card keeps getting declined", "payment-failed"),
        ("Mi tarjeta es rechazada al pagar", "payment-failed"),
        ("please answer asap", "urgent"),
    ],
)
def test_what_stands_beside_the_intent_is_a_signal(text: str, signal: str) -> None:
    assert signal in CLASSIFIER.classify(text, subject=None, language=None).signals


def test_the_subject_counts_too() -> None:
    assert CLASSIFIER.classify("see below", subject="Refund for order 1881", language="en").intent == "refund"


def test_a_text_in_another_language_than_the_ticket_s_is_read_too() -> None:
    assert read("Mein Paket ist beschädigt angekommen", "en") == "order-damaged"


def test_a_text_in_an_unknown_language_has_no_intent() -> None:
    assert read("Nýja platan er frábær kveðja", "is") is None


@pytest.mark.parametrize("text", ["", " ", "\n\n", "?", "12345", "asdf qwer", "\x00\ud800", "😀", "." * 10_000])
def test_a_text_without_evidence_has_no_intent(text: str) -> None:
    assert read(text, None) in (None, "thanks")


@pytest.mark.parametrize(
    "text",
    [
        "thanks",
        "Thank you so much!!",
        "merci",
        "danke!",
        "🙏",
        "ありがとうございます",
        "谢谢您",
        "ممنونم",
        "Dziękuję 😊",
        "ok thanks",
    ],
)
def test_pure_thanks_are_thanks(text: str) -> None:
    assert is_thanks(text)


@pytest.mark.parametrize(
    "text",
    [
        "thanks, but where is my order?",
        "thanks for nothing",
        "danke, und die Rechnung?",
        "thank you, please cancel 12345",
        "ok",
        "yes",
        "👍",
        "😡",
        "no thanks",
        "thanks" + " thanks" * 60,
        "谢谢，什么时候发货",
        "merci de me rembourser",
        "",
    ],
)
def test_whatever_says_more_is_not_thanks(text: str) -> None:
    assert not is_thanks(text)


def test_a_thumb_alone_is_a_nod() -> None:
    assert is_nod("👍🏽") and is_nod("👌 ✅")
    assert not is_nod("👍 ok") and not is_nod("") and not is_nod("🙏")


def test_letters_that_are_typed_for_one_another_are_folded() -> None:
    assert fold("Où EST-CE") == fold("ou est ce")
    assert fold("ZAMÓWIENIE łódź") == "zamowienie lodz"
    assert fold("كتاب ١٢") == fold("کتاب ۱۲") == "کتاب 12"
    assert fold("می‌خواهم") == fold("می خواهم")
    assert fold("訂單") == fold("订单")
    assert fold("ＡＢＣ　ｶﾞ") == "abc ガ"
    assert fold("e\u0301te\u0301") == "ete"


@given(st.text(max_size=600), st.one_of(st.none(), st.sampled_from((*LANGUAGES, "zh-Hant", "xx", "", "-"))))
def test_no_text_makes_it_raise(text: str, language: str | None) -> None:
    read_ = CLASSIFIER.classify(text, subject=text[:50], language=language)
    assert read_.intent is None or read_.intent in INTENTS
    assert 0.0 <= read_.confidence <= 1.0


PHRASES = st.dictionaries(st.text(alphabet="ab ", min_size=1, max_size=5), st.sampled_from([1, 2, 4, 8]), max_size=12)


@given(PHRASES, st.text(alphabet="ab c", max_size=60))
def test_the_automaton_finds_what_a_search_for_each_phrase_finds(phrases: dict[str, int], text: str) -> None:
    found = 0
    for phrase, bits in phrases.items():
        found |= bits if phrase in text else 0
    assert Automaton(phrases).read(text) == found


WORDS = st.sampled_from(
    [phrase for path in lexicon.FOLDER.glob("*.txt") if path != lexicon.RULES for _, phrase in lexicon.phrases(path)]
)


@given(st.lists(WORDS, max_size=60), st.permutations(["", ".", "\n", " ", "!"]))
def test_no_heap_of_phrases_makes_it_raise(words: list[str], between: list[str]) -> None:
    text = between[0].join(words)
    assert 0.0 <= CLASSIFIER.classify(text, subject=None, language=None).confidence <= 1.0


@pytest.mark.parametrize(
    "part", [" ", "a", " a", "order ", "where is my order. ", "订单", "😀", "é", "\u0301", "می ", ".", "\n\n"]
)
def test_hostile_text_takes_no_longer_than_its_length_allows(part: str) -> None:
    """The whole 4,000 characters that are looked at; a tenth of a second is a hundred times what they take."""
    text = part * 100_000
    started = time.process_time()
    CLASSIFIER.classify(text, subject=text, language=None)
    assert time.process_time() - started < 0.1
