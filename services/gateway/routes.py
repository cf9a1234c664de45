"""The one table of what may be asked of the gateway, by whom, and who answers; what it does not allow is refused.

Permission checks and forwarding are both made from it. The first row that fits method and path decides, so a narrower
row stands before a wider one. `{name}` is one segment of the path, `{name:a|b}` one of these words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from shared.errors import Forbidden, NotFound
from shared.http import MAX_BODY_BYTES, MAX_FILE_BYTES
from shared.identity import Role

Owner = Literal["gateway", "tickets", "routing", "ingest", "notify", "metrics"]

EVERYBODY: tuple[Role, ...] = get_args(Role)
OPERATORS: tuple[Role, ...] = ("installation", "admin")
LEADS: tuple[Role, ...] = ("installation", "admin", "lead")
STAFF: tuple[Role, ...] = ("admin", "lead", "agent")
WORKSPACE: tuple[Role, ...] = ("admin", "lead", "agent", "integrator")
"""Everybody inside a workspace: the installation key sets workspaces up, it does not read customers' messages."""
REPORTS: tuple[Role, ...] = ("admin", "lead", "integrator")
"""Who reads KPIs; an agent does not, since they also hold what colleagues did."""

TEAM_KINDS = "team|skill|agent|routing|calendar|sla|promise|macro|rule"
"""What leads set by themselves; the other kinds are an admin's (accounts hold secrets)."""


@dataclass(frozen=True, slots=True)
class Route:
    """One row: who may call what, and which service answers; `roles` empty means that no key is needed."""

    method: str
    pattern: str
    roles: tuple[Role, ...]
    owner: Owner
    workspace: bool = True
    """Whether it happens inside a workspace, so that the installation key has to choose one.

    Without one an installation key's keys are the installation's own.
    """
    body_max: int = MAX_BODY_BYTES
    founds: bool = False
    """Whether the workspace that the installation key chooses may not be there yet."""

    @property
    def path(self) -> str:
        """What requests are counted under, as for any framework's route."""
        return self.pattern

    def expression(self) -> re.Pattern[str]:
        """The pattern as a regular expression over the decoded path."""
        return re.compile(_translated(self.pattern))


ROUTES: tuple[Route, ...] = (
    Route("GET", "/openapi.json", (), "gateway", workspace=False),
    Route("GET", "/v1/whoami", EVERYBODY, "gateway", workspace=False),
    Route("POST", "/v1/workspaces", ("installation",), "gateway", workspace=False),
    Route("GET", "/v1/workspaces", ("installation",), "gateway", workspace=False),
    Route("POST", "/v1/keys", OPERATORS, "gateway", workspace=False),
    Route("GET", "/v1/keys", OPERATORS, "gateway", workspace=False),
    Route("DELETE", "/v1/keys/{id}", OPERATORS, "gateway", workspace=False),
    Route("POST", "/v1/users", OPERATORS, "gateway"),
    Route("GET", "/v1/users", OPERATORS, "gateway"),
    Route("GET", "/v1/users/{id}", OPERATORS, "gateway"),
    Route("PATCH", "/v1/users/{id}", OPERATORS, "gateway"),
    Route("DELETE", "/v1/users/{id}", OPERATORS, "gateway"),
    Route("PUT", "/v1/users/{id}/password", OPERATORS, "gateway"),
    Route("POST", "/v1/sessions", (), "gateway", workspace=False),
    Route("POST", "/v1/sessions/refresh", (), "gateway", workspace=False),
    Route("DELETE", "/v1/sessions/current", EVERYBODY, "gateway", workspace=False),
    Route("GET", "/v1/stream", WORKSPACE, "gateway"),
    Route("GET", "/v1/settings", EVERYBODY, "gateway", workspace=False),
    Route("GET", "/v1/settings/{kind:account}", LEADS, "gateway"),
    Route("GET", "/v1/settings/{kind}", EVERYBODY, "gateway"),
    Route("GET", "/v1/settings/{kind:account}/{id}", LEADS, "gateway"),
    Route("GET", "/v1/settings/{kind}/{id}", EVERYBODY, "gateway"),
    Route("PUT", f"/v1/settings/{{kind:{TEAM_KINDS}}}/{{id}}", LEADS, "gateway"),
    Route("PUT", "/v1/settings/{kind:workspace}/{id}", OPERATORS, "gateway", founds=True),
    Route("PUT", "/v1/settings/{kind}/{id}", OPERATORS, "gateway"),
    Route("DELETE", f"/v1/settings/{{kind:{TEAM_KINDS}}}/{{id}}", LEADS, "gateway"),
    Route("DELETE", "/v1/settings/{kind:workspace}/{id}", ("installation",), "gateway"),
    Route("DELETE", "/v1/settings/{kind}/{id}", OPERATORS, "gateway"),
    Route("GET", "/v1/tickets", WORKSPACE, "tickets"),
    Route("GET", "/v1/tickets/{id}", WORKSPACE, "tickets"),
    Route("GET", "/v1/tickets/{id}/timeline", WORKSPACE, "tickets"),
    Route("PATCH", "/v1/tickets/{id}", WORKSPACE, "tickets"),
    Route("POST", "/v1/tickets/{id}/state", WORKSPACE, "tickets"),
    Route("POST", "/v1/tickets/{id}/messages/{message}/counts", WORKSPACE, "tickets"),
    Route("POST", "/v1/tickets/{id}/viewing", STAFF, "gateway"),
    Route("GET", "/v1/tickets/{id}/participants", WORKSPACE, "tickets"),
    Route("GET", "/v1/tickets/{id}/transcript", WORKSPACE, "tickets"),
    Route("POST", "/v1/tickets/{id}/transcript/send", WORKSPACE, "tickets"),
    Route("GET", "/v1/persons/{id}/timeline", WORKSPACE, "tickets"),
    Route("GET", "/v1/mentions", STAFF, "tickets"),
    Route("POST", "/v1/mentions/{message}/read", STAFF, "tickets"),
    Route("POST", "/v1/tickets/{id}/merge", STAFF, "tickets"),
    Route("DELETE", "/v1/tickets/{id}/merge", STAFF, "tickets"),
    Route("POST", "/v1/tickets/{id}/split", STAFF, "tickets"),
    Route("POST", "/v1/tickets/{id}/answers", WORKSPACE, "tickets"),
    Route("POST", "/v1/tickets/{id}/notes", STAFF, "tickets"),
    Route("POST", "/v1/tickets/{id}/files", WORKSPACE, "tickets", body_max=MAX_FILE_BYTES),
    Route("GET", "/v1/tickets/{id}/messages/{message}/files/{number}", WORKSPACE, "tickets"),
    Route("GET", "/v1/tickets/{id}/messages/{message}/text", WORKSPACE, "tickets"),
    Route("GET", "/v1/persons/{id}", WORKSPACE, "tickets"),
    Route("GET", "/v1/persons/{id}/context", WORKSPACE, "tickets"),
    Route("PATCH", "/v1/persons/{id}", WORKSPACE, "tickets"),
    Route("POST", "/v1/persons/{id}/merge", STAFF, "tickets"),
    Route("DELETE", "/v1/persons/{id}/merge", STAFF, "tickets"),
    Route("POST", "/v1/persons/{id}/unlink", STAFF, "tickets"),
    Route("POST", "/v1/persons/{id}/verifications", STAFF, "tickets"),
    Route("POST", "/v1/persons/{id}/verifications/{verification}", STAFF, "tickets"),
    Route("POST", "/v1/tickets/{id}/verified-override", STAFF, "tickets"),
    Route("GET", "/v1/suggestions", WORKSPACE, "tickets"),
    Route("POST", "/v1/suggestions/{id}/accept", STAFF, "tickets"),
    Route("POST", "/v1/suggestions/{id}/dismiss", STAFF, "tickets"),
    Route("GET", "/v1/organisations", WORKSPACE, "tickets"),
    Route("POST", "/v1/organisations", WORKSPACE, "tickets"),
    Route("GET", "/v1/organisations/{id}", WORKSPACE, "tickets"),
    Route("PATCH", "/v1/organisations/{id}", WORKSPACE, "tickets"),
    Route("DELETE", "/v1/organisations/{id}", ("admin", "lead"), "tickets"),
    Route("GET", "/v1/organisations/{id}/persons", WORKSPACE, "tickets"),
    Route("POST", "/v1/persons/{id}/erase", ("admin", "lead"), "tickets"),
    Route("GET", "/v1/persons/{id}/erasure", ("admin", "lead"), "tickets"),
    Route("GET", "/v1/tickets/{id}/audit", ("admin", "lead"), "tickets"),
    Route("GET", "/v1/sla/{policy}/preview", ("admin", "lead"), "tickets"),
    Route("POST", "/v1/sla/{policy}/apply", ("admin", "lead"), "tickets"),
    Route("GET", "/v1/promises/{id}", REPORTS, "tickets"),
    Route("POST", "/v1/tickets/{id}/macros/{macro}/preview", STAFF, "tickets"),
    Route("POST", "/v1/tickets/{id}/macros/{macro}/apply", STAFF, "tickets"),
    Route("POST", "/v1/rules/dry-run", ("admin", "lead"), "tickets"),
    Route("GET", "/v1/rules/{id}/log", ("admin", "lead"), "tickets"),
    Route("GET", "/v1/tickets/{id}/routing", WORKSPACE, "routing"),
    Route("GET", "/v1/queue", WORKSPACE, "routing"),
    Route("GET", "/v1/agents", WORKSPACE, "routing"),
    Route("GET", "/v1/presence", STAFF, "routing"),
    Route("PUT", "/v1/presence", STAFF, "routing"),
    Route("GET", "/v1/offers", STAFF, "routing"),
    Route("POST", "/v1/offers/{id}/accept", STAFF, "routing"),
    Route("POST", "/v1/offers/{id}/decline", STAFF, "routing"),
    Route("POST", "/v1/next", STAFF, "routing"),
    Route("GET", "/v1/sends", STAFF, "notify"),
    Route("GET", "/v1/sends/{message}", STAFF, "notify"),
    Route("POST", "/v1/sends/{message}/resolve", STAFF, "notify"),
    Route("GET", "/v1/metrics", REPORTS, "metrics"),
    Route("GET", "/v1/metrics/{kpi}", REPORTS, "metrics"),
    Route("GET", "/v1/metrics/{kpi}/tickets", REPORTS, "metrics"),
    Route("GET", "/v1/quarantine", ("admin", "lead"), "ingest"),
    Route("GET", "/v1/quarantine/{id}", ("admin", "lead"), "ingest"),
)

_PLACEHOLDER = re.compile(r"\{(\w+)(?::([^}]+))?\}")


def _translated(pattern: str) -> str:
    parts, end = [], 0
    for found in _PLACEHOLDER.finditer(pattern):
        inside = found[2] or "[^/]+"
        parts += [re.escape(pattern[end : found.start()]), f"(?:{inside})"]
        end = found.end()
    return "".join([*parts, re.escape(pattern[end:])])


class Table:
    """The rows, ready to be asked."""

    def __init__(self, routes: Sequence[Route] = ROUTES) -> None:
        self._rows = [(route, route.expression()) for route in routes]

    def match(self, method: str, path: str) -> Route | tuple[str, ...]:
        """The row for a request, or the methods that this path takes where the method is not one of them.

        Raises NotFound where no row knows the path, and for paths that two parsers might read differently.
        """
        if _ambiguous(path):
            raise NotFound("there is no such address")
        fitting = [route for route, expression in self._rows if expression.fullmatch(path)]
        if not fitting:
            raise NotFound("there is no such address; GET /openapi.json lists what the gateway itself answers")
        chosen = next((route for route in fitting if route.method == method), None)
        return chosen or tuple(dict.fromkeys(route.method for route in fitting))


def _ambiguous(path: str) -> bool:
    """Dot segments, empty segments and backslashes mean different things to different parsers; we have none."""
    segments = path.split("/")[1:]
    return "\\" in path or any(segment in ("", ".", "..") for segment in segments) or not path.isprintable()


def permit(route: Route, role: Role) -> None:
    """Raises Forbidden unless the row names the role."""
    if role not in route.roles:
        needed = " or ".join(route.roles)
        raise Forbidden(f"{route.method} {route.pattern} needs a key with the role {needed}; this key has {role}")
