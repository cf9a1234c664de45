"""What a channel takes of an answer, said to its writer before it is kept: its window, its templates, its length."""

from collections.abc import Mapping
from datetime import datetime

from shared.bus import SettingsReader
from shared.channels import CHANNELS
from shared.channels.base import Outgoing
from shared.contracts.outbound_commands import Template
from shared.contracts.settings import Account
from shared.errors import Invalid

WINDOWED = frozenset(name for name, channel in CHANNELS.items() if channel.outgoing.reply_window is not None)
"""Channels where it matters when a customer was last heard."""


class WindowClosed(Invalid):
    """The customer has been silent for longer than his provider lets free text go."""

    def __init__(self, closed_at: datetime, outgoing: Outgoing) -> None:
        instead = "send an approved template, or " if outgoing.templates else ""
        super().__init__(
            f"the reply window of this conversation closed at {closed_at.isoformat()}; {instead}wait until the "
            "customer writes, or reach him on another channel",
            reason="window_closed",
        )


class NoTemplates(Invalid):
    """The channel's provider knows no approved wordings."""

    def __init__(self, channel: str) -> None:
        super().__init__(f"{channel} has no templates; send the text alone", reason="no_templates")


class TextTooLong(Invalid):
    """The channel takes a text only whole, and not one so long."""

    def __init__(self, length: int, most: int) -> None:
        super().__init__(f"the text has {length} characters; this channel takes {most}", reason="text_too_long")


def closes_at(outgoing: Outgoing, options: Mapping[str, str], heard_at: datetime | None) -> datetime | None:
    """When the reply window closes; None: never, or nobody knows when the customer was last heard."""
    window = outgoing.window(options)
    return heard_at + window if window is not None and heard_at is not None else None


def options_of(settings: SettingsReader, workspace: str, account: str) -> Mapping[str, str]:
    """What the account's document sets for its channel."""
    document = settings.get("account", workspace, account)
    return document.options if isinstance(document, Account) else {}


def require_fit(
    channel: str,
    outgoing: Outgoing,
    text: str,
    template: Template | None,
    *,
    closes_at: datetime | None,
    now: datetime,
) -> None:
    """Raises NoTemplates, WindowClosed or TextTooLong where this answer cannot go out over the channel now."""
    if template is not None and not outgoing.templates:
        raise NoTemplates(channel)
    if template is None and closes_at is not None and now >= closes_at:
        raise WindowClosed(closes_at, outgoing)
    if len(text) > outgoing.text_max and not outgoing.splits:
        raise TextTooLong(len(text), outgoing.text_max)
