"""Lexicons and rules read from their files, all phrases of all languages in one automaton (Aho and Corasick, 1975).

Reading a text is one walk over its letters, however many phrases there are, and no text makes it walk back.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from services.tickets.domain.intents.folding import fold

FOLDER = Path(__file__).parent / "lexicons"
RULES = FOLDER / "rules.txt"
WITHOUT_SPACES = frozenset({"ja", "zh"})
"""Languages that put no spaces between words: a phrase may stand anywhere, but for one in Latin letters."""
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


class Malformed(ValueError):
    """A lexicon's line cannot be read; a release never has one."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Where all concepts of `needs` stand and none of `without`, `gives` gets `weight`; concepts are bits."""

    gives: str
    weight: float
    needs: int
    without: int


class Automaton:
    """Phrases, each with the bits it stands for."""

    def __init__(self, phrases: Mapping[str, int]) -> None:
        self._next: list[dict[str, int]] = [{}]
        self._found: list[int] = [0]
        for phrase, bits in phrases.items():
            self._found[self._leaf(phrase)] |= bits
        self._back = self._links()

    def _leaf(self, phrase: str) -> int:
        node = 0
        for letter in phrase:
            if letter not in self._next[node]:
                self._next[node][letter] = len(self._next)
                self._next.append({})
                self._found.append(0)
            node = self._next[node][letter]
        return node

    def _links(self) -> list[int]:
        back = [0] * len(self._next)
        waiting = deque(self._next[0].values())
        while waiting:
            node = waiting.popleft()
            for letter, child in self._next[node].items():
                link = back[node]
                while link and letter not in self._next[link]:
                    link = back[link]
                back[child] = self._next[link].get(letter, 0)
                self._found[child] |= self._found[back[child]]
                waiting.append(child)
        return back

    def read(self, text: str) -> int:
        """The bits of all phrases that stand in the text; time in proportion to its length."""
        nexts, back, founds = self._next, self._back, self._found
        node = found = 0
        for letter in text:
            following = nexts[node].get(letter)
            while following is None and node:
                node = back[node]
                following = nexts[node].get(letter)
            node = following or 0
            if founds[node]:
                found |= founds[node]
        return found


def lines(path: Path) -> Iterator[str]:
    """The lines that say something; `#` begins a remark."""
    for line in path.read_text(encoding="utf-8").splitlines():
        said = line.partition("#")[0].strip()
        if said:
            yield said


def phrases(path: Path) -> Iterator[tuple[str, str]]:
    """(concept, phrase as folded text has it) of a language's file.

    `word` is whole words; `word*` their beginning; `*word*` stands anywhere.
    """
    apart = path.stem not in WITHOUT_SPACES
    for line in lines(path):
        concept, colon, said = line.partition(":")
        if not colon or not said.strip():
            raise Malformed(f"{path.name}: {line!r} is not `concept: phrase | phrase`")
        for phrase in said.split("|"):
            for written in {
                phrase.strip(),
                phrase.strip().translate(_UMLAUTS) if path.stem == "de" else phrase.strip(),
            }:
                folded = fold(written.strip("*")).strip()
                if not folded or "\n" in folded:
                    raise Malformed(f"{path.name}: {concept} has a phrase that nothing can match: {phrase!r}")
                whole = apart or folded.isascii()
                before = " " if whole and not written.startswith("*") else ""
                after = " " if whole and not written.endswith("*") else ""
                yield concept.strip(), before + folded + after


def rules(path: Path, concepts: Mapping[str, int]) -> Iterator[Rule]:
    """`gives weight concept concept -concept` on each line."""
    for line in lines(path):
        gives, weight, *named = line.split()
        needs = without = 0
        for name in named:
            if name.lstrip("-") not in concepts:
                raise Malformed(f"{path.name}: {line!r} names {name}, which is in no lexicon")
            if name.startswith("-"):
                without |= concepts[name[1:]]
            else:
                needs |= concepts[name]
        yield Rule(gives, float(weight), needs, without)
