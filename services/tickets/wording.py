"""What the variables of a desk's texts stand for on a ticket, and a macro's text in the customer's language."""

from services.tickets.domain.macros import language_of
from services.tickets.domain.ticket import Ticket
from shared import templates
from shared.bus.settings import SettingsReader
from shared.contracts import settings
from shared.contracts.macros import Macro
from shared.errors import Invalid
from shared.templates import Rendered, Values


class MissingVariables(Invalid):
    """The text names what this ticket does not have: it is never sent with a hole."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        hint = f"{{{{ {missing[0]} | default: '…' }}}}"
        super().__init__(
            f"this ticket has no {', '.join(missing)}; fill it in, or give the text a default such as {hint}",
            reason="missing_variables",
            fields=[{"pointer": f"/variables/{name}", "detail": "has no value on this ticket"} for name in missing],
        )


def values_of(reader: SettingsReader, ticket: Ticket, name: str | None, email: str | None, agent: str | None) -> Values:
    """The values on this ticket; `agent` is who speaks, where it is a person."""
    shop = reader.get("shop", ticket.workspace, ticket.shop or "")
    speaker = reader.get("agent", ticket.workspace, agent or "")
    called = speaker.name if isinstance(speaker, settings.Agent) else None
    return {
        "customer": {"name": name, "first_name": _first(name), "email": email, "language": ticket.language},
        "order": {"name": ticket.order_name},
        "shop": {"name": shop.name if isinstance(shop, settings.Shop) else None},
        "agent": {"name": called, "first_name": _first(called)},
        "ticket": {
            "id": str(ticket.id),
            "subject": ticket.subject,
            "channel": ticket.channel,
            "language": ticket.language,
            "priority": ticket.priority,
            "state": ticket.state,
            "opened_at": ticket.opened_at,
            "tags": ticket.tags,
        },
    }


def _first(name: str | None) -> str | None:
    """The first word of a name in an alphabet; a name that is one word is used whole."""
    return name.split()[0] if name and name.split() else None


def text_of(reader: SettingsReader, macro: Macro, ticket: Ticket, values: Values) -> tuple[str | None, Rendered]:
    """The macro's words in the nearest language, and that language; empty where it has no words."""
    workspace = reader.get("workspace", ticket.workspace, ticket.workspace)
    others = workspace.languages[:1] if isinstance(workspace, settings.Workspace) else ()
    language = language_of(macro, ticket.language, others)
    if language is None:
        return None, Rendered("", ())
    return language, made(reader, macro.texts[language], ticket, values, language)


def made(reader: SettingsReader, text: str, ticket: Ticket, values: Values, language: str | None) -> Rendered:
    """A text with this ticket's values, its times in the shop's zone."""
    shop = reader.get("shop", ticket.workspace, ticket.shop or "")
    workspace = reader.get("workspace", ticket.workspace, ticket.workspace)
    zones = [one.zone for one in (shop, workspace) if isinstance(one, settings.Shop | settings.Workspace)]
    return templates.render(text, values, language=language, zone=zones[0] if zones else "UTC")


def whole(rendered: Rendered) -> str:
    """The text; raises MissingVariables, or Invalid where nothing is left of it."""
    if rendered.missing:
        raise MissingVariables(rendered.missing)
    if not rendered.text:
        raise Invalid("the text comes out empty on this ticket; nothing is sent", reason="empty_text")
    return rendered.text
