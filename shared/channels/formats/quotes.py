"""The reply in a mail, without what it quotes and without its signature; where that is unsure, nothing is cut.

A forwarded mail is what its sender wants to show, so it is never cut. Where answers stand between the quoted lines they
mean nothing without them, so nothing is cut there either. Time is linear: each line is looked at with bounded work.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from shared.channels.formats import quotes_html, quotes_marks
from shared.channels.formats.quotes_words import SENT_FROM
from shared.text import clean, html_to_text

LINES_MAX = 2_000
"""All that follows counts as one line: a quotation that begins there is not looked for."""
SIGNATURE_LINES = 12
SIGNATURE_LINE_CHARS = 200
_MARKED = re.compile(r"[ \t\xa0]{0,3}(?:>|&gt;)")
_UNMARKED_LINE = re.compile(r"^(?![ \t\xa0]{0,3}>)[ \t\xa0]*[^\s]", re.MULTILINE)
_LINK_GOES_ON = re.compile(r"[(<]https?://[^\s()<>]*$")
_LINK_LINE = re.compile(r"\s*[(<]?https?://\S+[)>]?[\s>]*$")
_FALSE_MARK = re.compile(r"\s*>{2,}[^<]*<{2,}\s*$")


@dataclass(frozen=True, slots=True)
class _Run:
    """Marked lines, with the lines above them that say who wrote them: [begin, end)."""

    begin: int
    end: int
    attributed: bool


def visible_text(text: str, *, signatures: bool = False) -> str:
    """What the sender wrote himself, of plain text; with `signatures` also without the signature."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n", LINES_MAX)
    return _visible(lines, _marked(lines), whole=text, signatures=signatures)


def visible_html(source: str, *, whole: str | None = None, signatures: bool = False) -> str:
    """The same of HTML, as plain text; `whole` is what a reader of all of it sees, where that is known."""
    lines: list[str] = []
    quoted: list[bool] = []
    pieces = list(quotes_html.pieces(source))
    if whole is None:
        whole = html_to_text(source)
    read = [(html_to_text(piece), is_quote) for piece, is_quote in pieces] if len(pieces) > 1 else [(whole, False)]
    for text, is_quote in read:
        found = text.split("\n")
        lines += found
        quoted += [is_quote] * len(found)
    lines[LINES_MAX:] = ["\n".join(lines[LINES_MAX:])] if len(lines) > LINES_MAX else []
    quoted[LINES_MAX:] = [all(quoted[LINES_MAX:])] if len(quoted) > LINES_MAX else []
    return _visible(lines, quoted, whole=whole, signatures=signatures, explicit=True)


def _visible(lines: list[str], quoted: list[bool], *, whole: str, signatures: bool, explicit: bool = False) -> str:
    kept = _kept(lines, quoted, explicit=explicit)
    if kept is None:
        return _signed_off(whole) if signatures else whole
    visible = clean("\n".join(line for line, keep in zip(lines, kept, strict=True) if keep))
    if not visible:
        return whole
    return _signed_off(visible) if signatures else visible


def _kept(lines: list[str], quoted: list[bool], *, explicit: bool) -> list[bool] | None:
    """Which lines stay; None where nothing is cut. A line that is shared with a quotation is shortened in place.

    `explicit` marks are an editor's; typed ones may be arrows, so one line of them alone is no quotation.
    """
    tail, forward = _tail(lines, quoted)
    if forward:
        return None
    runs = _runs(lines, quoted, tail)
    if not explicit and not any(run.attributed for run in runs):
        runs = [run for run in runs if _substantial(run, lines)]
    gone = _gone(lines, runs, tail)
    if not gone and tail == len(lines):
        return None
    keep = [True] * tail + [False] * (len(lines) - tail)
    for run in gone:
        keep[run.begin : run.end] = [False] * (run.end - run.begin)
    return keep


def _tail(lines: list[str], quoted: list[bool]) -> tuple[int, bool]:
    """Where all that follows is quoted without marks, and whether a forwarded mail comes before that."""
    for at, line in enumerate(lines):
        if quoted[at]:
            continue
        if quotes_marks.is_forward(line):
            return at, True
        if quotes_marks.is_original(line) or quotes_marks.header_block(lines, at):
            return _above(lines, at), False
        count = quotes_marks.attribution(lines, at, quoted)
        if count and not _next_marked(lines, quoted, at + count):
            return _above(lines, at), False
    return len(lines), False


def _above(lines: list[str], at: int) -> int:
    """The line drawn above a quotation belongs to it; where nothing stands before it, it is no tail."""
    begin = at
    while begin > 0 and (not lines[begin - 1].strip() or quotes_marks.is_ruler(lines[begin - 1])):
        begin -= 1
    return begin if begin > 0 else len(lines)


def _next_marked(lines: Sequence[str], quoted: Sequence[bool], at: int) -> bool:
    while at < len(lines) and not lines[at].strip() and not quoted[at]:
        at += 1
    return at < len(lines) and quoted[at]


def _runs(lines: list[str], quoted: list[bool], tail: int) -> list[_Run]:
    """The marked quotations before the tail, in their order, each with the line above it and the blank ones below."""
    runs: list[_Run] = []
    at = 0
    while at < tail:
        begin = at
        count = quotes_marks.attribution(lines, at, quoted)
        if not count and not quoted[at] and _next_marked(lines, quoted, at + 1):
            words = quotes_marks.shares_line(lines[at])
            if words:
                lines[at] = lines[at][:words]
                begin, count = at + 1, 1
        first = at + count
        if count or quoted[at]:
            end = _end_of_marked(lines, quoted, first)
            if end > first:
                runs.append(_Run(begin, end, attributed=bool(count)))
                at = end
                continue
        at += 1
    return runs


def _end_of_marked(lines: Sequence[str], quoted: Sequence[bool], begin: int) -> int:
    """Behind the last marked line from here, with blank lines and broken links between; `begin` without any."""
    at, found = begin, False
    while at < len(lines) and (quoted[at] or not lines[at].strip() or _goes_on(lines, quoted, at)):
        found = found or quoted[at]
        at += 1
    return at if found else begin


def _goes_on(lines: Sequence[str], quoted: Sequence[bool], at: int) -> bool:
    """A link of the quotation that was broken onto a line of its own, with marked lines around it."""
    if at == 0 or not quoted[at - 1]:
        return False
    after = at + 1 < len(lines) and quoted[at + 1]
    broken = _LINK_GOES_ON.search(lines[at - 1][-300:]) or _LINK_LINE.match(lines[at][:300])
    return bool(after and broken)


def _gone(lines: list[str], runs: list[_Run], tail: int) -> list[_Run]:
    """The quotations to cut; none where answers stand between them."""
    if not runs:
        return []
    *earlier, last = runs
    at_end = not any(line.strip() for line in lines[last.end : tail])
    if not earlier:
        return [last]
    if last.attributed and at_end and not any(run.attributed for run in earlier):
        return [last]
    between = any(line.strip() for one, two in pairwise(runs) for line in lines[one.end : two.begin])
    return [] if between else runs


def _substantial(run: _Run, lines: Sequence[str]) -> bool:
    """One marked line alone may be an arrow."""
    return run.end - run.begin >= 2 and len([line for line in lines[run.begin : run.end] if line.strip()]) >= 2


def _marked(lines: Sequence[str]) -> list[bool]:
    marked = [_MARKED.match(line) is not None and _FALSE_MARK.match(line[:300]) is None for line in lines]
    if len(lines) > LINES_MAX:
        marked[-1] = _UNMARKED_LINE.search(lines[-1]) is None
    return marked


def _signed_off(text: str) -> str:
    """Without what stands under `-- ` at the end, or what a telephone put there."""
    lines = text.rsplit("\n", 2 * SIGNATURE_LINES)
    for back, line in enumerate(reversed(lines[-SIGNATURE_LINES - 1 :]), start=1):
        if line in ("-- ", "--", "—"):
            under = lines[len(lines) - back :]
            if all(len(one) <= SIGNATURE_LINE_CHARS for one in under):
                lines = lines[: len(lines) - back]
            break
    while lines and (not lines[-1].strip() or _phone(lines[-1])):
        lines.pop()
    return clean("\n".join(lines)) or text


def _phone(line: str) -> bool:
    said = line.strip(" \t\xa0-_*<>[]")
    return len(said) <= 100 and SENT_FROM.match(said) is not None
