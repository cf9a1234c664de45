"""Thanks and nothing else: what opens, reopens and wakes no ticket (definitions.md), so the test is a strict one."""

from functools import cache

from services.tickets.domain.intents.folding import fold
from services.tickets.domain.intents.lexicon import FOLDER, lines

LONGEST = 100
"""Characters: whoever writes more says more."""
_ASKS = frozenset("?？؟0123456789")
_WARM = frozenset("🙏❤💕💖💙💚💛🧡💜🖤🤍😊🙂😀😃😄😁☺😍🥰😘🤗💐🌹🎉🥳👏✨💯🫶😇")
_NODS = frozenset("👍👌✅✔🆗🤝")
_AROUND = frozenset("\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff\ufe0f\u200d !.~。！\n")
"""Skin tones, joiners and marks beside an emoji."""


def is_thanks(text: str) -> bool:
    """Whether the text thanks and says nothing else: each of its words is one of thanks or of courtesy."""
    if len(text) > LONGEST or not text.strip() or not _ASKS.isdisjoint(text):
        return False
    pictures = frozenset(text) - _AROUND
    if pictures <= _WARM | _NODS:
        return not pictures.isdisjoint(_WARM)
    words = fold("".join(" " if letter in _WARM | _NODS | _AROUND else letter for letter in text))
    return _only_courtesy(" ".join(words.split()))


def is_nod(text: str) -> bool:
    """Whether the text is only 👍 or the like: it may answer a question, but reopens nothing that is solved."""
    pictures = frozenset(text[:LONGEST]) - _AROUND
    return len(text) <= LONGEST and bool(pictures) and pictures <= _NODS


def _only_courtesy(words: str) -> bool:
    """Take courteous phrases from the front, the longest first, until nothing is left; one of them must thank."""
    thanks, courtesy, longest = _phrases()
    thanked = False
    at = 0
    while at < len(words):
        if words[at] == " ":
            at += 1
            continue
        for length in range(min(longest, len(words) - at), 0, -1):
            phrase, end = words[at : at + length], at + length
            whole = not phrase[-1].isascii() or end == len(words) or words[end] == " "
            if whole and (phrase in thanks or phrase in courtesy):
                thanked = thanked or phrase in thanks
                at = end
                break
        else:
            return False
    return thanked


@cache
def _phrases() -> tuple[frozenset[str], frozenset[str], int]:
    kinds: dict[str, set[str]] = {"thanks": set(), "courtesy": set()}
    for line in lines(FOLDER.parent / "gratitude.txt"):
        kind, _, said = line.partition(":")
        kinds[kind].update(" ".join(fold(phrase).split()) for phrase in said.split("|"))
    thanks, courtesy = frozenset(kinds["thanks"]), frozenset(kinds["courtesy"] - kinds["thanks"])
    return thanks, courtesy, max(map(len, thanks | courtesy))
