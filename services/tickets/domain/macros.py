"""In which language a macro speaks to a customer (product.md T8): his own, or the nearest that it is written in."""

from collections.abc import Iterable, Iterator, Mapping

from shared.contracts.macros import Macro

_SCRIPT_OF = {
    "zh": "zh-Hans", "zh-CN": "zh-Hans", "zh-SG": "zh-Hans", "zh-MY": "zh-Hans",
    "zh-TW": "zh-Hant", "zh-HK": "zh-Hant", "zh-MO": "zh-Hant",
}  # fmt: skip
"""Chinese is two written languages: who reads the one is not sent the other for want of it (CLDR, likely subtags)."""


def language_of(macro: Macro, wanted: str | None, others: Iterable[str] = ()) -> str | None:
    """The language of `texts` to use; None where it has none.

    The customer's own, then a wider or a neighbouring one of the same language, then `others` (the workspace's, the
    first first), then the macro's default.
    """
    for tag in [*filter(None, (wanted, *others)), macro.default or next(iter(macro.texts), None)]:
        found = _nearest(macro.texts, tag) if tag is not None else None
        if found is not None:
            return found
    return next(iter(macro.texts), None)


def _nearest(texts: Mapping[str, str], wanted: str) -> str | None:
    folded = {tag.lower(): tag for tag in texts}
    for tag in _wider(wanted):
        if tag.lower() in folded:
            return folded[tag.lower()]
    kin = [tag for tag in texts if _root(tag) == _root(wanted)]
    return min(kin, key=lambda tag: (len(tag), tag), default=None)


def _wider(tag: str) -> Iterator[str]:
    """The tag, then without its last part, and so on (RFC 4647 §3.4), but never from one script to both."""
    yield tag
    root, parts = _root(tag), tag.split("-")
    while len(parts) > 1:
        parts.pop()
        if _root("-".join(parts)) == root:
            yield "-".join(parts)
    yield root


def _root(tag: str) -> str:
    """What two tags must share to be read by the same people."""
    parts = tag.split("-")
    if parts[0] != "zh":
        return parts[0]
    if len(parts) > 1 and parts[1].title() in ("Hans", "Hant"):
        return f"zh-{parts[1].title()}"
    return _SCRIPT_OF.get("-".join(parts[:2]), "zh-Hans")
