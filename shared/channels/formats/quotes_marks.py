"""Where a quotation begins: the lines that mail programs put above what they quote; bounded work for each line."""

import re
from collections.abc import Sequence

from shared.channels.formats.quotes_words import (
    FORM_LABELS,
    FORWARDED,
    LABELS,
    OPENERS,
    ORIGINAL,
    PRONOUN,
    VERB,
    WEEKDAY,
)

LINE_MAX = 400
"""Characters of a line that are looked at; no mark is longer."""
MARK_LINES = 6
MARK_CHARS = 500
BLOCK_LINES = 14
_RULER = re.compile(r"[\s>]*[-_=*─—]{2,}")
_DASHED = re.compile(r"[\s>]*[-_=*]{2,}.*[-_=*]{2,}\s*")
_BIDI = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LEAD = re.compile(r"^[\s\-_=*>~|]*")
_TAIL = re.compile(r"[\s\-*>]*$")
_DAY_FIRST = re.compile(
    r"(?:\d{4}\s?[-/.年년]\s?\d{1,2}|\d{1,2}[-/.]\s?\d{1,2}[-/.]\s?\d{2,4}|\d{1,2}\.?\s\w{3,12}\.?,?\s\d{4})"
)
_TIME = re.compile(r"\d{1,2}\s?[:.h時点]\s?\d{2}")
_DATE = re.compile(r"\d{1,4}")
_HINT = re.compile(r"[\d@]|--")
"""Every line that says who wrote what has a digit, an address or is drawn around; most lines have none of them."""
_EMAIL = re.compile(r"[^\s<>()\[\]@]{1,64}@[^\s<>()\[\]@]{1,255}")
_OPENER = re.compile(
    rf"(?:{'|'.join(sorted(OPENERS, key=len, reverse=True))})(?=[\s\d])\s?"
    r"(?=.{0,30}\d)",
    re.IGNORECASE,
)
_NAME_FIRST = re.compile(r"[^:@]{1,80}[<(]?[^\s<>()@]{1,64}@[^\s<>()@]{1,100}[>)]")
_SHARED = re.compile(r"(?:-{2,}\s*|\s)(?=(?:On|Op|Am|Le|El|Em|Il|Den) [^:]{0,30}\d)")
_COLONS = (":", "：")


def bare(line: str) -> str:
    """A line without what programs put around its words: invisible marks, dashes, stars, quotation marks."""
    return _TAIL.sub("", _LEAD.sub("", _BIDI.sub("", line[:LINE_MAX]), count=1)).strip()


def is_original(line: str) -> bool:
    """`-----Original Message-----`, in any of the languages."""
    return len(line) <= 100 and _RULER.match(line) is not None and ORIGINAL.search(line) is not None


def is_forward(line: str) -> bool:
    """`---------- Forwarded message ---------`, `Begin forwarded message:`."""
    if len(line) > 100 or not (line.rstrip().endswith(_COLONS) or _RULER.match(line)):
        return False
    return FORWARDED.search(line) is not None


def attribution(lines: Sequence[str], at: int, quoted: Sequence[bool]) -> int:
    """How many lines from `at` say who wrote what follows (`On … wrote:`); 0 where they do not.

    Where no marked quotation follows, the line must name a time of day or an address too.
    """
    if quoted[at] or not _may_begin(lines[at]):
        return 0
    joined = ""
    for count, line in enumerate(lines[at : at + MARK_LINES], start=1):
        joined = f"{joined} {line.strip()[:LINE_MAX]}".strip()
        if len(joined) > MARK_CHARS or not (line.strip() or _TIME.search(joined)):
            return 0
        if _says_who(joined, marked=_quoted_next(quoted, lines, at + count)):
            return count
    return 0


def _may_begin(line: str) -> bool:
    if _HINT.search(line, 0, LINE_MAX) is None:
        return False
    said = bare(line)
    if _VIA_PHONE.match(said):
        return True
    begins = _OPENER.match(said) or WEEKDAY.match(said) or _DAY_FIRST.match(said) or _NAME_FIRST.match(said)
    return bool(begins) or (_DASHED.fullmatch(line[:LINE_MAX]) is not None and VERB.search(said) is not None)


_VIA_PHONE = re.compile(r"Sent from .{1,60}<[^<>@]{1,64}@[^<>]{1,100}>\s*wrote:$")


def _says_who(joined: str, *, marked: bool) -> bool:
    """Whether it names a day and a writer; `marked` where a marked quotation follows."""
    joined = _BIDI.sub("", joined)
    dashed = _DASHED.fullmatch(joined) is not None
    ends = joined.rstrip(" \t\xa0-*>").endswith(_COLONS)
    if not (ends or dashed or (marked and joined.rstrip().endswith(">"))):
        return False
    said = bare(joined)
    has_email, has_time = _EMAIL.search(said) is not None, _TIME.search(said) is not None
    if not ends and not dashed:
        return has_email and _DAY_FIRST.match(said) is not None
    verb = VERB.search(said) is not None
    if (dashed and verb and marked) or _VIA_PHONE.match(said):
        return True
    if not _DATE.search(said) or PRONOUN.search(_EMAIL.sub("", said)):
        return False
    day_first = _DAY_FIRST.match(said) or WEEKDAY.match(said)
    if not verb:
        return bool(has_email and has_time and day_first)
    name_first = _NAME_FIRST.match(said) and not day_first and not _OPENER.match(said)
    return has_time or (not name_first and (marked or has_email))


def _quoted_next(quoted: Sequence[bool], lines: Sequence[str], at: int) -> bool:
    """Whether the next line that says anything is a marked quotation."""
    for index in range(at, min(at + 4, len(lines))):
        if quoted[index]:
            return True
        if lines[index].strip():
            return False
    return False


def shares_line(line: str) -> int:
    """Where in a line the words end before `On … wrote:` follows on the same line; 0 where none does."""
    line = line[:LINE_MAX]
    if not line.rstrip().endswith(_COLONS):
        return 0
    found = _SHARED.search(line, 1)
    if found and _says_who(line[found.end() :], marked=True) and _OPENER.match(line[found.end() :]):
        return found.start()
    return 0


def header_block(lines: Sequence[str], at: int) -> bool:
    """Whether a block of header lines begins here: `From:`, `Sent:`, `To:`, `Subject:` in one of the languages."""
    first = _label(lines[at])
    if first is None or first[0] not in ("from", "date", "subject", "to", "sent"):
        return False
    found = {first[0]: first[1]}
    missed = 0
    for line in lines[at + 1 : at + BLOCK_LINES]:
        label = _label(line)
        if label is not None:
            found.setdefault(*label)
            missed = 0
            continue
        if _form_label(line):
            return False
        missed += 1
        if missed > 2:
            break
    return _is_mails(found)


def _is_mails(found: dict[str, str]) -> bool:
    """Who, when, and one more sign: a travel plan has `From`, `To` and `Date` too."""
    when = found.get("sent") or found.get("date") or ""
    if not (found.keys() & {"from", "to"} and any(char.isdigit() for char in when)):
        return False
    has_email, has_time = _EMAIL.search(" ".join(found.values())) is not None, _TIME.search(when) is not None
    if "sent" in found:
        return has_email or len(found) >= 3
    return (has_email or has_time) if "subject" in found and len(found) >= 3 else has_email and has_time


def _label(line: str) -> tuple[str, str] | None:
    """Kind and value of a header line."""
    if not any(colon in line for colon in _COLONS):
        return None
    said = _BIDI.sub("", line[:LINE_MAX]).strip(" \t\xa0*>|_")
    ends = [end for colon in _COLONS if 0 < (end := said.find(colon)) <= 20]
    if not ends:
        return None
    kind = LABELS.get(" ".join(said[: min(ends)].strip(" *\xa0").lower().split()))
    return (kind, said[min(ends) + 1 :].strip(" *\xa0")) if kind else None


def _form_label(line: str) -> bool:
    name, colon, _ = line[:40].partition(":")
    return bool(colon) and name.strip(" *").lower() in FORM_LABELS


def is_ruler(line: str) -> bool:
    """A line drawn above a quotation."""
    said = line.strip()
    return len(said) >= 3 and not said.strip("-_=*─—")
