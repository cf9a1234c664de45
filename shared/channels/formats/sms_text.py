"""How many text messages a text takes: 160 characters of GSM-7, or 70 of UCS-2, and fewer where it takes several.

3GPP TS 23.038 (the alphabet) and TS 23.040 §9.2.3.24.1: the header that joins segments takes 7 or 3 characters, and a
character of two is not cut in the middle, so a segment may end one short.
"""

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
"""They take two characters."""


def segments(text: str) -> int:
    """Text messages that this text is sent and paid as; at least one."""
    if all(character in _BASIC or character in _EXTENDED for character in text):
        lengths, alone, joined = [1 + (character in _EXTENDED) for character in text], 160, 153
    else:
        lengths, alone, joined = [1 + (character > "\uffff") for character in text], 70, 67
    return 1 if sum(lengths) <= alone else _joined(lengths, joined)


def _joined(lengths: list[int], most: int) -> int:
    """Segments of at most so many, each filled with whole characters."""
    count, used = 1, 0
    for length in lengths:
        if used + length > most:
            count, used = count + 1, 0
        used += length
    return count
