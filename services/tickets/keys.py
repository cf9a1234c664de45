"""The installation's keys, for what tickets signs and recognises."""

from shared.bus import Context
from shared.provider_names import ProviderNames, names_under


def keys(ctx: Context) -> str:
    """All keys of a rotation, divided by commas and the newest first; empty where no process runs."""
    return ctx.config.key.get_secret_value() if ctx.config is not None else ""


def provider_names(ctx: Context) -> ProviderNames:
    """Providers' names under them."""
    return names_under(keys(ctx))
