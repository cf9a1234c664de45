"""The words of an answer as a mail's HTML: nothing in them is markup, and addresses can be clicked."""

import html
import re
from collections.abc import Mapping

_LINK = re.compile(r"https?://[^\s<>\"]{1,2000}", re.IGNORECASE)
_BEHIND = ".,;:!?'*_~)]}\u3002\uff0c\uff1b\uff1a\uff01\uff1f\u3001\u061f\u060c\u061b\u00bb\u201d\u2019\uff09\u300d"
"""Marks that end a sentence or a quotation rather than an address."""
_PAIRS = {")": "(", "]": "[", "}": "{", "\uff09": "\uff08"}


def page(text: str, pictures: Mapping[str, str], language: str | None) -> str:
    """Paragraphs that find their direction each for itself; below them pictures by Content-ID with their names."""
    said = text.replace("\r\n", "\n").split("\n\n")
    paragraphs = "".join(f'<p dir="auto">{_linked(paragraph).replace(chr(10), "<br>")}</p>' for paragraph in said)
    shown = "".join(
        f'<p><img src="cid:{html.escape(cid)}" alt="{html.escape(name)}" style="max-width:100%"></p>'
        for cid, name in pictures.items()
    )
    tag = f' lang="{html.escape(language)}"' if language else ""
    head = '<head><meta charset="utf-8"></head>'
    return f"<!DOCTYPE html><html{tag}>{head}<body>{paragraphs}{shown}</body></html>"


def _linked(paragraph: str) -> str:
    pieces, at = [], 0
    for found in _LINK.finditer(paragraph):
        url = _without_marks(found[0])
        pieces += [html.escape(paragraph[at : found.start()]), f'<a href="{html.escape(url)}">{html.escape(url)}</a>']
        at = found.start() + len(url)
    return "".join([*pieces, html.escape(paragraph[at:])])


def _without_marks(url: str) -> str:
    """A closing bracket belongs to the address where it was opened within it."""
    while url[-1] in _BEHIND and not (url[-1] in _PAIRS and url.count(_PAIRS[url[-1]]) >= url.count(url[-1])):
        url = url[:-1]
    return url
