"""Who may ask the gateway for what: every role against every route, and nothing that the table does not allow."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.api import create_api
from services.gateway.config import Config
from services.gateway.routes import EVERYBODY, ROUTES, Route, Table, permit
from shared.contracts.settings import KINDS
from shared.errors import Forbidden, NotFound
from shared.identity import Role
from shared.service import Runtime, Service

TABLE = Table()

SAMPLES: list[tuple[str, str, str, set[Role]]] = [
    ("GET", "/v1/whoami", "gateway", {"installation", "admin", "lead", "agent", "integrator"}),
    ("POST", "/v1/workspaces", "gateway", {"installation"}),
    ("GET", "/v1/workspaces", "gateway", {"installation"}),
    ("POST", "/v1/keys", "gateway", {"installation", "admin"}),
    ("GET", "/v1/keys", "gateway", {"installation", "admin"}),
    ("DELETE", "/v1/keys/0123456789abcdef", "gateway", {"installation", "admin"}),
    ("GET", "/v1/settings", "gateway", {"installation", "admin", "lead", "agent", "integrator"}),
    ("GET", "/v1/settings/agent/ada", "gateway", {"installation", "admin", "lead", "agent", "integrator"}),
    ("GET", "/v1/settings/account", "gateway", {"installation", "admin", "lead"}),
    ("GET", "/v1/settings/account/form", "gateway", {"installation", "admin", "lead"}),
    ("PUT", "/v1/settings/agent/ada", "gateway", {"installation", "admin", "lead"}),
    ("PUT", "/v1/settings/routing/default", "gateway", {"installation", "admin", "lead"}),
    ("PUT", "/v1/settings/account/form", "gateway", {"installation", "admin"}),
    ("PUT", "/v1/settings/workspace/main", "gateway", {"installation", "admin"}),
    ("DELETE", "/v1/settings/team/first", "gateway", {"installation", "admin", "lead"}),
    ("DELETE", "/v1/settings/shop/north", "gateway", {"installation", "admin"}),
    ("DELETE", "/v1/settings/workspace/main", "gateway", {"installation"}),
    ("GET", "/v1/tickets", "tickets", {"admin", "lead", "agent", "integrator"}),
    ("GET", "/v1/tickets/1", "tickets", {"admin", "lead", "agent", "integrator"}),
    ("GET", "/v1/tickets/1/timeline", "tickets", {"admin", "lead", "agent", "integrator"}),
    ("POST", "/v1/tickets/1/state", "tickets", {"admin", "lead", "agent", "integrator"}),
    ("GET", "/v1/persons/1", "tickets", {"admin", "lead", "agent", "integrator"}),
    ("GET", "/v1/tickets/1/routing", "routing", {"admin", "lead", "agent", "integrator"}),
    ("GET", "/v1/queue", "routing", {"admin", "lead", "agent", "integrator"}),
    ("POST", "/v1/offers/1/accept", "routing", {"admin", "lead", "agent"}),
    ("POST", "/v1/next", "routing", {"admin", "lead", "agent"}),
    ("PUT", "/v1/presence", "routing", {"admin", "lead", "agent"}),
    ("GET", "/v1/quarantine", "ingest", {"admin", "lead"}),
    ("POST", "/v1/users", "gateway", {"installation", "admin"}),
    ("PUT", "/v1/users/0123456789abcdef/password", "gateway", {"installation", "admin"}),
    ("DELETE", "/v1/sessions/current", "gateway", {"installation", "admin", "lead", "agent", "integrator"}),
    ("GET", "/v1/stream", "gateway", {"admin", "lead", "agent", "integrator"}),
    ("POST", "/v1/tickets/1/answers", "tickets", {"admin", "lead", "agent", "integrator"}),
    ("POST", "/v1/tickets/1/notes", "tickets", {"admin", "lead", "agent"}),
    ("POST", "/v1/persons/1/erase", "tickets", {"admin", "lead"}),
    ("GET", "/v1/persons/1/erasure", "tickets", {"admin", "lead"}),
    ("GET", "/v1/sends", "notify", {"admin", "lead", "agent"}),
    ("POST", "/v1/sends/1/resolve", "notify", {"admin", "lead", "agent"}),
    ("GET", "/v1/metrics", "metrics", {"admin", "lead", "integrator"}),
    ("GET", "/v1/metrics/first-reply/tickets", "metrics", {"admin", "lead", "integrator"}),
]


@pytest.mark.parametrize("role", EVERYBODY)
@pytest.mark.parametrize(("method", "path", "owner", "allowed"), SAMPLES)
def test_a_role_may_do_what_it_is_for_and_nothing_else(
    method: str, path: str, owner: str, allowed: set[Role], role: Role
) -> None:
    route = TABLE.match(method, path)
    assert isinstance(route, Route)
    assert route.owner == owner
    if role in allowed:
        permit(route, role)
    else:
        with pytest.raises(Forbidden, match=role):
            permit(route, role)


@pytest.mark.parametrize("role", EVERYBODY)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.pattern}")
def test_a_row_lets_its_roles_pass_and_no_others(route: Route, role: Role) -> None:
    if role in route.roles:
        permit(route, role)
    else:
        with pytest.raises(Forbidden):
            permit(route, role)


def test_only_the_description_of_the_api_and_signing_in_need_no_key() -> None:
    open_ones = [route.pattern for route in ROUTES if not route.roles]
    assert open_ones == ["/openapi.json", "/v1/sessions", "/v1/sessions/refresh"]


def test_the_installation_key_reads_no_customers_messages() -> None:
    assert not [route.pattern for route in ROUTES if "installation" in route.roles and route.owner == "tickets"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/inbound/http/form",
        "/internal/settings",
        "/v1/tickets/../keys",
        "/v1/tickets/./x",
        "/v1/tickets//x",
        "/v1/tickets/",
        "/v1/tickets/..\\keys",
        "/v1/tickets/a\nb",
        "/v1/tickets/1/anything/else",
        "/V1/tickets",
        "/v1/ticketsx",
        "/v1/settings/team/a/b",
    ],
)
def test_an_address_that_no_row_knows_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        TABLE.match("GET", path)


def test_a_method_that_an_address_does_not_take_is_answered_with_those_it_takes() -> None:
    assert TABLE.match("PATCH", "/v1/queue") == ("GET",)
    assert TABLE.match("POST", "/v1/settings/team/first") == ("GET", "PUT", "DELETE")


@given(st.text(max_size=60), st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE", "x"]))
def test_whatever_is_asked_for_is_a_row_of_the_table_or_refused(rest: str, method: str) -> None:
    try:
        found = TABLE.match(method, f"/v1/settings/{rest}")
    except NotFound:
        return
    if isinstance(found, Route):
        assert found in ROUTES
        assert found.method == method
        assert ".." not in rest.split("/")


def described() -> dict[str, Any]:
    """The gateway's OpenAPI document."""
    service = Service(name="gateway", config=Config, api=create_api)
    runtime = Runtime(service, Config(), pool=None)  # type: ignore[arg-type]  # nothing is asked of it
    return create_api(runtime).openapi()


def test_the_gateways_own_routes_and_its_rows_are_the_same() -> None:
    served = {(method.upper(), path) for path, item in described()["paths"].items() for method in item}
    rows = {
        (route.method, re.sub(r"\{(\w+):[^}]+\}", r"{\1}", route.pattern))
        for route in ROUTES
        if route.owner == "gateway"
    }
    assert served == rows - {("GET", "/openapi.json")}


def test_the_description_holds_the_fields_of_every_kind_and_no_reference_leads_nowhere() -> None:
    document = described()
    schemas = document["components"]["schemas"]
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named <= set(schemas)
    for model in KINDS.values():
        assert set(schemas[f"Setting.{model.__name__}"]["properties"]) == set(model.model_fields)
