"""Which language a message is in, as its sender's client or its text says."""

from services.tickets.domain import changes, language
from services.tickets.domain.joining import speaks
from shared.bus import Context
from shared.contracts.envelope import Event
from shared.contracts.inbound_messages import MessageReceived
from shared.contracts.settings import Workspace

Inbound = Event[MessageReceived]


def offered(event: Inbound, ctx: Context) -> str | None:
    """The language that the sender's client names, where the workspace speaks it."""
    named, spoken = event.data.sender.language, _spoken(event, ctx)
    return next((tag for tag in spoken if named and tag.split("-")[0] == named.split("-")[0]), None)


def heard(event: Inbound, ctx: Context) -> str | None:
    """The language the text is clearly in, where nothing better says what the sender speaks."""
    if not speaks(event.data) or changes.named(event.data) is not None or offered(event, ctx) is not None:
        return None
    return language.detect(event.data.text, _spoken(event, ctx))


def _spoken(event: Inbound, ctx: Context) -> tuple[str, ...]:
    workspace = ctx.settings.get("workspace", event.workspace, event.workspace)
    return workspace.languages if isinstance(workspace, Workspace) else ()
