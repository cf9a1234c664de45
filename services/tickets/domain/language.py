"""Which language a text is in, when it says so clearly; a short text proves nothing (architecture.md §8)."""

from collections.abc import Iterable
from functools import lru_cache

from lingua import IsoCode639_1, Language, LanguageDetector, LanguageDetectorBuilder

ENOUGH_LETTERS = 24
CONFIDENT = 0.2
"""Least distance between the first and the second language, as lingua measures it."""
LOOKED_AT = 160
"""Characters of a text that are looked at; more tell nothing new."""


def detect(text: str, languages: Iterable[str]) -> str | None:
    """The language of `text` among those of the workspace (BCP 47), or None where it is not clear."""
    wanted = tuple(sorted(set(languages)))
    sample = text[:LOOKED_AT]
    if len(wanted) < 2 or sum(map(str.isalpha, sample)) < ENOUGH_LETTERS:
        return None
    detector, tags = _detector(wanted)
    if detector is None:
        return None
    found = detector.detect_language_of(sample)
    return tags.get(found) if found is not None else None


@lru_cache(maxsize=64)
def _detector(languages: tuple[str, ...]) -> tuple[LanguageDetector | None, dict[Language, str]]:
    """A detector in low-accuracy mode for a set of languages; those lingua does not know cannot be detected."""
    tags: dict[Language, str] = {}
    for tag in languages:
        code = getattr(IsoCode639_1, tag.split("-")[0].upper(), None)
        if code is not None:
            tags.setdefault(Language.from_iso_code_639_1(code), tag)
    if len(tags) < 2:
        return None, {}
    builder = LanguageDetectorBuilder.from_languages(*tags).with_low_accuracy_mode()
    return builder.with_minimum_relative_distance(CONFIDENT).build(), tags
