"""What error codes of Meta's APIs mean for a message: the same table for refusals of a send and for failed receipts.

https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes, …/messenger-platform/error-codes and
…/graph-api/guides/error-handling.
"""

LATER = {
    **dict.fromkeys(
        (4, 17, 32, 341, 613, 80001, 80002, 80006, 80007, 80008, 130429, 131048, 131056, 133016), "too-many-requests"
    ),
    **dict.fromkeys((102, 190, 131005), "bad-credential"),
    **dict.fromkeys((3, 10, 33, 200, 294, 133010), "account-unauthorized"),
    **dict.fromkeys((368, 2022, 130497, 131031), "account-restricted"),
    131042: "payment-problem",
    **dict.fromkeys((131057, 133004), "unavailable"),
}
"""Nothing was sent, and no message is to blame: it may go once somebody or some time has mended it."""

NEVER = {
    **dict.fromkeys((470, 131047), "window-closed"),
    **dict.fromkeys((1013, 131021, 131026, 131030), "no-such-recipient"),
    **dict.fromkeys((230, 551, 10904), "blocked"),
    131050: "opted-out",
    **dict.fromkeys((130472, 131049), "provider-limit"),
    131051: "unsupported",
    **dict.fromkeys((131052, 131053), "media-failed"),
    **dict.fromkeys((132000, 132001, 132005, 132007, 132012, 132068, 132069), "template-refused"),
    **dict.fromkeys((132015, 132016), "template-paused"),
}
"""This message will never go to this recipient."""

BY_SUBCODE = {
    **dict.fromkeys((2018065, 2018278, 2534022), "window-closed"),
    2018001: "no-such-recipient",
    **dict.fromkeys((1545041, 2018108), "blocked"),
}
"""Subcodes that say more than their code does; all of them are final."""

UNKNOWN_OBJECT = (100, 33)
"""Code and subcode where the number, page or account that sends does not exist for this token."""

PERMISSIONS = range(200, 300)
TROUBLE = frozenset({1, 2, 131000, 131016})
"""The provider's own trouble: nobody says whether anything was sent."""


def never(code: int, subcode: object = None) -> str | None:
    """Why this message will never go, or None."""
    by_subcode = BY_SUBCODE.get(subcode) if isinstance(subcode, int) else None
    return by_subcode or NEVER.get(code)


def later(code: int, subcode: object = None) -> str | None:
    """What has to be mended or waited for first, or None."""
    if (code, subcode) == UNKNOWN_OBJECT:
        return "account-unauthorized"
    return LATER.get(code) or ("account-unauthorized" if code in PERMISSIONS else None)


def word(code: int | None) -> str | None:
    """The reason of a receipt that says a message failed."""
    if code is None:
        return None
    return never(code) or later(code) or (f"meta-{code}" if 0 <= code < 10**9 else None)
