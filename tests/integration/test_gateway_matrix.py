"""Every role against every row of the table on a whole desk, and every id of a workspace asked for from another."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from services.gateway.routes import EVERYBODY, ROUTES, Route
from shared.identity import Role
from tests.desk import Desk
from tests.eventually import eventually
from tests.shop import Shop, open_shop
from tests.stack import Stack

SERVICES = (
    "services.gateway",
    "services.ingest",
    "services.tickets",
    "services.routing",
    "services.notify",
    "services.metrics",
)
NOWHERE = "0190b3f2-0000-7000-8000-000000000000"
ROWS = [route for route in ROUTES if route.roles and route.pattern != "/v1/stream"]
BODIES: dict[str, dict[str, Any]] = {
    "/viewing": {"state": "viewing"},
    "/state": {"state": "open"},
    "/answers": {"text": "Hello"},
    "/notes": {"text": "Hello"},
    "/decline": {"reason": "busy"},
    "/resolve": {"outcome": "sent"},
    "/password": {"password": "a very long password"},
    "/erase": {},
    "/merge": {"into": NOWHERE},
    "/split": {"messages": [NOWHERE]},
    "/unlink": {"kind": "email", "value": "a@b.example"},
    "/verifications": {"identity": {"kind": "email", "value": "a@b.example"}},
    "/verifications/": {"code": "123456"},
    "/verified-override": {"reason": "Heard his voice"},
}
"""Bodies that an owner takes, so that it is the id that is refused; by the end of the address, or what is within it."""


@dataclass
class Matrix:
    """A desk with two workspaces: everything is in `main`, the other is empty."""

    desk: Desk
    keys: dict[str, str]
    ids: dict[str, str] = field(default_factory=dict)
    """The real id of each kind of thing in `main`, by the beginning of its address."""

    async def ask(self, key: str, method: str, path: str, *, workspace: str | None = None) -> httpx.Response:
        """One request; with a body that its address takes."""
        headers = ({"authorization": f"Bearer {key}"} if key else {}) | (
            {"switchboard-workspace": workspace} if workspace else {}
        )
        body = next((body for end, body in BODIES.items() if (end if end[-1] == "/" else f"{end}$") in path + "$"), {})
        async with httpx.AsyncClient(base_url=self.desk.url("gateway"), headers=headers, timeout=20) as client:
            return await client.request(method, path, **({} if method in ("GET", "DELETE") else {"json": body}))


async def open_matrix(stack: Stack) -> Matrix:
    desk = Desk(stack, await stack.create_database(await stack.migrated()), await stack.create_topics())
    await desk.start(*SERVICES)
    shop = await open_shop(desk)
    _, printed = await desk.run("services.gateway", "bootstrap", "--renew")
    installation = re.findall(r"sb_[0-9a-f]{16}_[0-9a-f]{64}", printed)[0]
    matrix = Matrix(desk, {"installation": installation})
    for role in EVERYBODY[1:]:
        wanted = {"role": role} | ({} if role == "integrator" else {"agent": "anna"})
        matrix.keys[role] = await made_key(matrix, "main", wanted)
    async with httpx.AsyncClient(base_url=desk.url("gateway"), timeout=20) as client:
        headers = {"authorization": f"Bearer {installation}"}
        await client.post("/v1/workspaces", json={"id": "other", "name": "Other"}, headers=headers)
    matrix.keys["stranger"] = await made_key(matrix, "other", {"role": "admin", "agent": "anna"})
    await fill(matrix, shop)
    await shop.close()
    return matrix


async def made_key(matrix: Matrix, workspace: str, wanted: dict[str, Any]) -> str:
    headers = {"authorization": f"Bearer {matrix.keys['installation']}", "switchboard-workspace": workspace}
    async with httpx.AsyncClient(base_url=matrix.desk.url("gateway"), headers=headers, timeout=20) as client:
        answer = await client.post("/v1/keys", json=wanted)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


async def fill(matrix: Matrix, shop: Shop) -> None:
    """One of everything in `main`: a ticket on offer with an answer on its way, a user, a key."""
    headers = {"authorization": f"Bearer {matrix.keys['admin']}"}
    async with httpx.AsyncClient(base_url=matrix.desk.url("gateway"), headers=headers, timeout=20) as admin:
        await shop.agents["anna"].available()
        await shop.say("telegram", "Where is my order?")

        async def offered() -> list[dict[str, Any]]:
            return list((await admin.get("/v1/offers")).json()["items"])

        (offer,) = await eventually(offered, what="an offer")
        ticket = (await admin.get(f"/v1/tickets/{offer['ticket']}")).json()
        answered = await admin.post(f"/v1/tickets/{ticket['id']}/answers", json={"text": "Tomorrow"})
        assert answered.status_code == 201, answered.text
        message = answered.json()["message"]

        async def sending() -> bool:
            return (await admin.get(f"/v1/sends/{message}")).status_code == 200

        await eventually(sending, what="the answer in the ledger")
        when_opened = {"when": [{"event": "opened"}], "actions": [{"do": "add-tags", "tags": ["new"]}]}
        ruled = await admin.put("/v1/settings/rule/tagging", json={"name": "Tagging", "enabled": False, **when_opened})
        assert ruled.status_code == 201, ruled.text
        promise = {"name": "Solved in a day", "within_s": 86_400, "percent": 80}
        promised = await admin.put("/v1/settings/promise/in-a-day", json=promise)
        assert promised.status_code == 201, promised.text
        organisation = (await admin.post("/v1/organisations", json={"name": "Acme"})).json()
        user = (await admin.post("/v1/users", json={"email": "a@b.example", "role": "lead"})).json()
    matrix.ids = {
        "/v1/tickets/": ticket["id"],
        "/v1/persons/": ticket["person"],
        "/v1/organisations/": organisation["id"],
        "/v1/suggestions/": NOWHERE,
        "/v1/offers/": offer["id"],
        "/v1/sends/": message,
        "/v1/mentions/": message,
        "/v1/users/": user["id"],
        "/v1/keys/": matrix.keys["agent"].split("_")[1],
        "/v1/settings/": "anna",
        "/v1/rules/": "tagging",
        "/v1/promises/": "in-a-day",
        "/v1/quarantine/": NOWHERE,
        "/v1/metrics/": "first-reply",
    }


@pytest.fixture(scope="module")
def matrix(stack: Stack) -> Iterator[Matrix]:
    opened = stack.run(open_matrix(stack))
    yield opened
    opened.desk.stop()
    stack.run(stack.drop_database(opened.desk.database))


def filled(route: Route, id_: str, message: str = NOWHERE) -> str:
    """The row's address; a kind of settings is one that the row decides about."""
    kinds = {"{kind}": "shop", "{kind:account}": "account", "{kind:workspace}": "workspace"}
    path = route.pattern
    for placeholder, kind in kinds.items():
        path = path.replace(placeholder, kind)
    path = path.replace("/messages/{message}", f"/messages/{message}").replace("{number}", "0")
    path += "?name=a.txt" if path.endswith("/files") else ""
    return re.sub(r"\{\w+\}", id_, re.sub(r"\{kind:[^}]+\}", "agent", path))


def nowhere(route: Route) -> str:
    """An id of the right form behind which nothing is."""
    if route.pattern.startswith(("/v1/keys", "/v1/users")):
        return "0" * 16
    return "nothing-here" if route.pattern.startswith(("/v1/settings", "/v1/metrics")) else NOWHERE


@pytest.mark.parametrize("role", EVERYBODY)
@pytest.mark.parametrize("route", ROWS, ids=lambda route: f"{route.method} {route.pattern}")
async def test_a_role_gets_an_answer_from_its_rows_and_403_from_the_others(
    matrix: Matrix, route: Route, role: Role
) -> None:
    workspace = "main" if role == "installation" else None
    answer = await matrix.ask(matrix.keys[role], route.method, filled(route, nowhere(route)), workspace=workspace)
    if role not in route.roles:
        assert answer.status_code == 403
        assert answer.json()["type"] == "urn:switchboard:problem:forbidden"
    elif "{" not in route.pattern and route.method == "GET":
        assert answer.status_code == 200, answer.text
    else:
        assert answer.status_code in (200, 201, 202, 204, 404, 409, 422), answer.text


@pytest.mark.parametrize("route", ROWS, ids=lambda route: f"{route.method} {route.pattern}")
async def test_without_a_key_no_row_answers(matrix: Matrix, route: Route) -> None:
    answer = await matrix.ask("", route.method, filled(route, nowhere(route)))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


OF_ONE = [
    route
    for route in ROWS
    if re.search(r"\{(id|message)\}", route.pattern)
    and "admin" in route.roles
    and (route.method, route.pattern[:12]) != ("PUT", "/v1/settings")
]
"""Rows about one thing that is there already; settings are made by naming them."""


@pytest.fixture
async def untouched(matrix: Matrix) -> AsyncIterator[None]:
    """The ticket, the offer and the user are afterwards as before (the answer is tried again and again meanwhile)."""

    async def state() -> list[Any]:
        paths = ("/v1/tickets/", "/v1/offers", "/v1/users/")
        found = [await matrix.ask(matrix.keys["admin"], "GET", path + matrix.ids.get(path, "")) for path in paths]
        return [answer.json() for answer in found]

    before = await state()
    yield
    assert await state() == before


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("route", OF_ONE, ids=lambda route: f"{route.method} {route.pattern}")
async def test_an_id_of_another_workspace_is_not_there(matrix: Matrix, route: Route) -> None:
    id_ = next(id_ for start, id_ in matrix.ids.items() if route.pattern.startswith(start))
    answer = await matrix.ask(matrix.keys["stranger"], route.method, filled(route, id_, matrix.ids["/v1/sends/"]))
    assert answer.status_code == 404, answer.text
    assert "application/problem+json" in answer.headers["content-type"]
