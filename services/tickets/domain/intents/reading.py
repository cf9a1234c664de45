"""The classifier that we ship: what concepts stand in a sentence, and which intents the rules make of them."""

import re
from collections import Counter, defaultdict
from functools import cache

from services.tickets.domain.intents import gratitude
from services.tickets.domain.intents.automaton import Automaton
from services.tickets.domain.intents.classifier import INTENTS, NOTHING, SIGNALS, About, Classified
from services.tickets.domain.intents.folding import fold
from services.tickets.domain.intents.lexicon import FOLDER, RULES, Rule, phrases, rules

TEXT_MAX = 4_000
"""Characters of a message that are looked at."""
SPREAD = 0.7
"""What a rule counts whose concepts stand in different sentences, of what it counts within one."""
ENOUGH = 2.0
"""The least score of an intent: less is no evidence."""
OTHERS = 2
"""Concepts that another language than the named one must have at least to be asked: single words look alike."""
STRONG = 4.0
"""A score that needs no second rule to be sure of."""
_NUMBER = re.compile(r"[0-9]{4,}")
_CODE = re.compile(r"(?<![a-z0-9])[a-z]{4,20}[0-9]{1,3}(?![a-z0-9])")
"""What looks like the code of a discount: `spring20`."""
_SIGNAL = "!"
_ABOUT = "@"


class LexiconClassifier:
    """Lexicons of several languages, compiled once; reads in about 100 ns a character and never raises."""

    def __init__(self) -> None:
        files = sorted(path for path in FOLDER.glob("*.txt") if path != RULES)
        named = [(path.stem, concept, phrase) for path in files for concept, phrase in phrases(path)]
        names = sorted({concept for _, concept, _ in named} | {"number", "codeword"})
        bits = {name: 1 << at for at, name in enumerate(names)}
        self._width = len(names)
        self._all = (1 << self._width) - 1
        self._languages = {path.stem: at for at, path in enumerate(files)}
        compiled: dict[str, int] = defaultdict(int)
        for language, concept, phrase in named:
            compiled[phrase] |= bits[concept] << (self._languages[language] * self._width)
        self._automaton = Automaton(compiled)
        self._number, self._code = bits["number"], bits["codeword"]
        self._rules = _by_rarest(list(rules(RULES, bits)))

    def classify(self, text: str, *, subject: str | None, language: str | None) -> Classified:
        """What the message wants; words of `language` come first, those of another only where it says nothing."""
        written = text[:TEXT_MAX]
        if gratitude.is_thanks(written):
            return Classified("thanks", 1.0)
        folded = fold(f"{subject[:200]}. {written}" if subject else written)
        found = [self._automaton.read(f" {sentence} ") for sentence in folded.split("\n") if len(sentence) > 1]
        number = self._number if _NUMBER.search(folded) else 0
        number |= self._code if _CODE.search(folded) else 0
        best, best_score = NOTHING, 0.0
        named = self._languages.get((language or "").split("-")[0])
        for at in self._order(found, named):
            read, score = self._read(found, at * self._width, number)
            if score > best_score:
                best, best_score = read, score
            if read.intent is not None and score >= (ENOUGH if at == named else STRONG):
                break
        return best

    def _order(self, found: list[int], named: int | None) -> list[int]:
        """The languages of which something stands in the text: the one that was named, then the fullest."""
        whole = 0
        for mask in found:
            whole |= mask
        seen = {at: ((whole >> (at * self._width)) & self._all).bit_count() for at in self._languages.values()}
        least = max(OTHERS, seen.get(named, 0)) if named is not None else 1
        asked = [at for at, concepts in seen.items() if concepts >= least or (at == named and concepts)]
        return sorted(asked, key=lambda at: (at != named, -seen[at], at))

    def _read(self, found: list[int], shift: int, number: int) -> tuple[Classified, float]:
        sentences = [mask for one in found if (mask := (one >> shift) & self._all)]
        whole = number
        for mask in sentences:
            whole |= mask
        scores = self._scores(whole)
        if len(sentences) > 1:
            scores = {name: score * SPREAD for name, score in scores.items()}
            for mask in sentences:
                for name, score in self._scores(mask | number).items():
                    scores[name] = max(scores.get(name, 0.0), score)
        ranked = sorted(((score, name) for name, score in scores.items() if name in _KNOWN), reverse=True)
        signals = frozenset(name[1:] for name, score in scores.items() if name[0] == _SIGNAL and score >= ENOUGH)
        if not ranked or ranked[0][0] < ENOUGH:
            return Classified(signals=signals), 1.0 if signals else 0.0
        score, intent = ranked[0]
        second = ranked[1][0] if len(ranked) > 1 else 0.0
        confidence = round(min(1.0, score / STRONG) * (score / (score + max(second, 0.0))), 3)
        return Classified(intent, confidence, _about(intent, scores), signals), score

    def _scores(self, mask: int) -> dict[str, float]:
        scores: dict[str, float] = {}
        left = mask
        while left:
            lowest = left & -left
            left ^= lowest
            for gives, weight, needs, both in self._rules.get(lowest, ()):
                if both & mask == needs:
                    scores[gives] = scores.get(gives, 0.0) + weight
        return scores


def _by_rarest(all_rules: list[Rule]) -> dict[int, list[tuple[str, float, int, int]]]:
    """Each rule under the concept of its own that the fewest rules need: (gives, weight, needs, needs or without)."""
    wanted = Counter(bit for rule in all_rules for bit in _bits(rule.needs))
    found: dict[int, list[tuple[str, float, int, int]]] = defaultdict(list)
    for rule in all_rules:
        rarest = min(_bits(rule.needs), key=lambda bit: (wanted[bit], bit))
        found[rarest].append((rule.gives, rule.weight, rule.needs, rule.needs | rule.without))
    return dict(found)


def _bits(mask: int) -> list[int]:
    return [1 << at for at in range(mask.bit_length()) if mask >> at & 1]


_KNOWN = frozenset(INTENTS)
_ASKED: dict[str, About] = {
    "shipping": "policy",
    "order-status": "order", "order-change": "order", "order-duplicate": "order", "order-damaged": "order",
    "order-wrong": "order", "order-cancel": "order", "refund": "order", "return": "order", "exchange": "order",
    "warranty": "order", "billing": "order", "chargeback-threat": "order", "discount": "policy", "payment": "policy",
}  # fmt: skip
"""Intents that are about a policy or an order, and which of the two without further evidence."""


_OF_AN_ORDER = frozenset({"order-status", "order-change", "order-duplicate", "order-damaged", "order-wrong"})
LEANING = 1.5
"""By how much a policy must be the clearer question where there is nothing to ask but about an order."""


def _about(intent: str, scores: dict[str, float]) -> About | None:
    usual = _ASKED.get(intent)
    if usual is None:
        return None
    policy, order = scores.get("@policy", 0.0), scores.get("@order", 0.0)
    if policy == order:
        return usual
    return "policy" if policy > order + (LEANING if intent in _OF_AN_ORDER else 0.0) else "order"


def known_names() -> frozenset[str]:
    """What a rule may give: intents, signals, and the two things a question may be about."""
    return _KNOWN | {_SIGNAL + name for name in SIGNALS} | {_ABOUT + "policy", _ABOUT + "order"}


@cache
def lexicon_classifier() -> LexiconClassifier:
    """The one compiled classifier of a process."""
    return LexiconClassifier()
