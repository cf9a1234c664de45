"""Whose numbers these are, and in which zone their days lie."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from shared.bus.settings import SettingsReader
from shared.contracts.settings import Shop, Workspace
from shared.errors import NotFound
from shared.identity import Identity


def shops_of(who: Identity, asked: str | None) -> Sequence[str] | None:
    """The shops to look in; None for all, and for what belongs to no shop."""
    return [asked] if asked is not None else list(who.shops) or None


def zone_of(settings: SettingsReader, who: Identity, asked: str | None) -> ZoneInfo:
    """The reporting zone of the shop asked for, or of the caller's only one, else of the workspace.

    Raises NotFound for a shop that is not the caller's, and for one that was never set up: both sound the same.
    """
    if asked is not None:
        mine = not who.shops or asked in who.shops
        if not mine or not settings.version("shop", who.workspace, asked):
            raise NotFound(f"there is no shop {asked!r} here")
    only = asked or (who.shops[0] if len(who.shops) == 1 else None)
    shop = settings.get("shop", who.workspace, only) if only is not None else None
    if isinstance(shop, Shop):
        return ZoneInfo(shop.zone)
    workspace = settings.get("workspace", who.workspace, who.workspace)
    return ZoneInfo(workspace.zone if isinstance(workspace, Workspace) else "UTC")
