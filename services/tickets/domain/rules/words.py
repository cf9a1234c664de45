"""Whether a text has a word or phrase, whatever its case, accents or width; languages without spaces included."""

import re
import unicodedata

TEXT_MAX = 20_000
"""Characters of a message that are read: what a rule looks for stands near its beginning."""
_MARKS = re.compile(r"[\u0300-\u036f\u0640\u064b-\u065f\u0670]+")
_UNSPACED = re.compile(r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_BETWEEN = re.compile(r"[^\w]+")


def folded(text: str) -> str:
    """The text's words in lower case without accents, one space between and around them."""
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", text[:TEXT_MAX]).casefold())
    return f" {_BETWEEN.sub(' ', unicodedata.normalize('NFKC', plain)).strip()} "


def has(words: str, phrase: str) -> bool:
    """Whether folded words have the folded phrase: whole words, but for scripts that put no space between them."""
    return (phrase.strip() if _UNSPACED.search(phrase) else phrase) in words
