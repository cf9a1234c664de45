"""How a change of the ledger is told: one DeliveryChanged for each version of a row."""

from collections.abc import Iterable
from typing import Any

from services.notify.domain.send import Send
from shared.bus import Context
from shared.contracts.delivery_events import DeliveryChanged
from shared.contracts.envelope import Event
from shared.ids import derived_id
from shared.provider_names import ProviderNames, names_under


def changed(send: Send, names: ProviderNames) -> DeliveryChanged:
    """The row's state as others are told it."""
    return DeliveryChanged(
        message=send.message,
        ticket=send.ticket,
        person=send.person,
        channel=send.channel,
        account=send.account,
        state=send.state,
        at=send.changed_at,
        reason=send.reason if send.state in ("failed", "unknown") else None,
        attempts=send.attempts,
        provider_hashes=tuple(names.new(send.workspace, send.channel, send.account, one) for one in send.names) or None,
    )


def provider_names(ctx: Context) -> ProviderNames:
    """Under the installation's keys."""
    return names_under(ctx.config.key.get_secret_value() if ctx.config is not None else "")


def tell(ctx: Context, before: Send | None, after: Send, cause: Event[Any] | None = None) -> None:
    """Tell the change, where there is one.

    What a record causes has an id that derives from it; what a try or a person causes, one of message, state and
    version, so that the same change told twice is told once.
    """
    if before is not None and before.version == after.version:
        return
    data = changed(after, provider_names(ctx))
    if cause is not None:
        ctx.emit(data, cause=cause, version=after.version, shop=after.shop, ordinal=after.version)
        return
    ctx.begin(
        data,
        workspace=after.workspace,
        shop=after.shop,
        version=after.version,
        id=derived_id(after.message, data.TYPE, after.state, after.version),
        trace=after.trace,
        correlation=after.correlation,
    )


def tell_all(ctx: Context, changes: Iterable[tuple[Send, Send]]) -> None:
    """Tell each pair of before and after."""
    for before, after in changes:
        tell(ctx, before, after)
