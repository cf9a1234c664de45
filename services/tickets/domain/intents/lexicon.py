"""Lexicons and rules, read from their files; a line that cannot be right is refused, not passed over."""

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


def lines(path: Path) -> Iterator[str]:
    """The lines that say something; `#` begins a remark, and what is indented goes on with the line before."""
    held = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        said = line.partition("#")[0].rstrip()
        if said.startswith(" "):
            held += said
            continue
        if held:
            yield held
        held = said
    if held:
        yield held


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
            for written in _spellings(phrase.strip(), path.stem):
                folded = fold(written.strip("*")).strip()
                if not folded or "\n" in folded:
                    raise Malformed(f"{path.name}: {concept} has a phrase that nothing can match: {phrase!r}")
                whole = apart or folded.isascii()
                before = " " if whole and not written.startswith("*") else ""
                after = " " if whole and not written.endswith("*") else ""
                yield concept.strip(), before + folded + after


def _spellings(phrase: str, language: str) -> set[str]:
    """A phrase as people type it: German umlauts with dots, without, and as two letters."""
    return {phrase, phrase.translate(_UMLAUTS)} if language == "de" else {phrase}


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
