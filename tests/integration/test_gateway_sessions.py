"""People sign in, stay signed in and are put out, on a real gateway; a second replica agrees within two seconds."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.eventually import eventually
from tests.integration.gateways import Gateway, start_gateway, stop_gateway
from tests.stack import Stack

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def gateway(stack: Stack) -> Iterator[Gateway]:
    running = start_gateway(stack, {"SWITCHBOARD_PROXIES": "1"})
    stack.run(running.desk.start("services.gateway#2"))
    yield running
    stop_gateway(running)


@dataclass
class Person:
    """A user of the workspace, at his own address."""

    gateway: Gateway
    id: str
    email: str
    address: str = field(default_factory=lambda: f"10.{uuid4().int % 250}.{uuid4().int % 250}.{uuid4().int % 250}")

    def client(self, replica: str = "gateway") -> httpx.AsyncClient:
        """As his browser asks, through our proxy."""
        headers = {"x-forwarded-for": self.address}
        return httpx.AsyncClient(base_url=self.gateway.desk.url(replica), headers=headers, timeout=20)

    async def sign_in(self, password: str = PASSWORD, **more: Any) -> httpx.Response:
        """Try to."""
        body = {"workspace": "main", "email": self.email, "password": password} | more
        async with self.client() as client:
            return await client.post("/v1/sessions", json=body)

    async def ask(
        self, token: str, path: str = "/v1/whoami", method: str = "GET", replica: str = "gateway"
    ) -> httpx.Response:
        """One request with an access token."""
        async with self.client(replica) as client:
            return await client.request(method, path, headers={"authorization": f"Bearer {token}"})

    async def refresh(self, token: str, replica: str = "gateway") -> httpx.Response:
        """The next pair."""
        async with self.client(replica) as client:
            return await client.post("/v1/sessions/refresh", json={"refresh_token": token})


async def let_in(gateway: Gateway, role: str = "agent", **more: Any) -> Person:
    email = f"p{uuid4().hex[:8]}@example.org"
    agent = {"agent": "ada"} if role == "agent" else {}
    body = {"email": email.upper(), "name": "Ada", "role": role, "password": PASSWORD} | agent | more
    async with gateway.client() as admin:
        made = await admin.post("/v1/users", json=body)
    assert made.status_code == 201, made.text
    assert PASSWORD not in made.text
    return Person(gateway, made.json()["id"], email)


@pytest.fixture
async def person(gateway: Gateway) -> AsyncIterator[Person]:
    yield await let_in(gateway)


async def test_a_person_signs_in_and_is_who_the_admin_said(person: Person) -> None:
    signed = (await person.sign_in()).json()
    who = (await person.ask(signed["access_token"])).json()
    assert (signed["token_type"], signed["expires_in"]) == ("Bearer", 900)
    assert (who["role"], who["workspace"], who["agent"], who["shops"]) == ("agent", "main", "ada", [])
    assert who["user"] == {"id": person.id, "email": person.email, "name": "Ada"}
    assert who["principal"] == f"user/{person.id}"


async def test_a_wrong_password_and_an_unknown_person_are_told_the_same(person: Person) -> None:
    nobody = Person(person.gateway, "", f"n{uuid4().hex}@example.org")
    wrong, unknown = await person.sign_in("wrong password"), await nobody.sign_in()
    elsewhere = await person.sign_in(workspace="elsewhere")
    assert (wrong.status_code, unknown.status_code, elsewhere.status_code) == (401, 401, 401)
    assert wrong.json() == unknown.json() == elsewhere.json()


async def test_after_five_wrong_passwords_one_has_to_wait_whoever_one_is(person: Person) -> None:
    nobody = Person(person.gateway, "", f"n{uuid4().hex}@example.org")
    for one in (person, nobody):
        codes = [(await one.sign_in("wrong password")).status_code for _ in range(5)]
        refused = await one.sign_in()
        assert codes == [401] * 5
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 900


async def test_one_address_cannot_keep_a_person_out_of_another(person: Person) -> None:
    for _ in range(6):
        await person.sign_in("wrong password")
    person.address = "192.0.2.7"
    assert (await person.sign_in()).status_code == 201


async def test_a_right_password_does_not_count_as_a_try(person: Person) -> None:
    assert [(await person.sign_in()).status_code for _ in range(8)] == [201] * 8


async def test_an_api_key_is_changed_into_tokens_that_end_with_it(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        made = (await admin.post("/v1/keys", json={"role": "agent", "agent": "bob", "shops": ["north"]})).json()
        signed = (await admin.post("/v1/sessions", json={"api_key": made["key"]})).json()
        headers = {"authorization": f"Bearer {signed['access_token']}"}
        who = (await admin.get("/v1/whoami", headers=headers)).json()
        await admin.delete(f"/v1/keys/{made['id']}")
        after = await admin.get("/v1/whoami", headers=headers)
        refreshed = await admin.post("/v1/sessions/refresh", json={"refresh_token": signed["refresh_token"]})
    assert (who["principal"], who["agent"], who["shops"], who["user"]) == (f"key/{made['id']}", "bob", ["north"], None)
    assert (after.status_code, refreshed.status_code) == (401, 401)


async def test_a_refresh_token_gives_the_next_pair_and_the_same_one_while_its_answer_may_be_lost(
    person: Person,
) -> None:
    first = (await person.sign_in()).json()["refresh_token"]
    second, again = await person.refresh(first), await person.refresh(first, "gateway#2")
    assert second.status_code == again.status_code == 200
    assert second.json()["refresh_token"] == again.json()["refresh_token"] != first
    assert (await person.ask(second.json()["access_token"])).status_code == 200


async def test_a_refresh_token_that_two_have_ends_the_session_for_both(person: Person) -> None:
    first = (await person.sign_in()).json()["refresh_token"]
    second = (await person.refresh(first)).json()
    third = (await person.refresh(second["refresh_token"])).json()
    stolen = await person.refresh(first)
    after = await person.refresh(third["refresh_token"])
    assert (stolen.status_code, after.status_code) == (401, 401)

    async def put_out() -> bool:
        return (await person.ask(third["access_token"])).status_code == 401

    await eventually(put_out, timeout_s=3, what="the end of the session")


async def test_a_guessed_refresh_token_ends_nobodys_session(person: Person) -> None:
    token = (await person.sign_in()).json()["refresh_token"]
    guessed = await person.refresh(f"{token[:-64]}{'0' * 64}")
    assert guessed.status_code == 401
    assert (await person.refresh(token)).status_code == 200


async def test_signing_out_ends_the_session_and_only_that_one(person: Person) -> None:
    one, other = (await person.sign_in()).json(), (await person.sign_in()).json()
    ended = await person.ask(one["access_token"], "/v1/sessions/current", "DELETE")
    after = await person.ask(one["access_token"])
    assert (ended.status_code, after.status_code) == (204, 401)
    assert (await person.refresh(one["refresh_token"])).status_code == 401
    assert (await person.ask(other["access_token"])).status_code == 200


async def test_a_key_has_no_session_to_sign_out_of(gateway: Gateway) -> None:
    async with gateway.client() as admin:
        assert (await admin.delete("/v1/sessions/current")).status_code == 404


async def test_a_disabled_person_is_refused_by_every_replica_within_two_seconds(person: Person) -> None:
    signed = (await person.sign_in()).json()
    token = signed["access_token"]
    before = [(await person.ask(token, replica=name)).status_code for name in ("gateway", "gateway#2")]
    async with person.gateway.client() as admin:
        await admin.patch(f"/v1/users/{person.id}", json={"disabled": True})
    at_once = await person.ask(token)

    async def refused() -> bool:
        return (await person.ask(token, replica="gateway#2")).status_code == 401

    await eventually(refused, timeout_s=2.5, what="the refusal by the other replica")
    assert (before, at_once.status_code) == ([200, 200], 401)
    assert (await person.sign_in()).status_code == 401
    assert (await person.refresh(signed["refresh_token"])).status_code == 401
    async with person.gateway.client() as admin:
        await admin.patch(f"/v1/users/{person.id}", json={"disabled": False})
    assert (await person.sign_in()).status_code == 201


async def test_a_new_password_ends_every_session_and_the_old_one_opens_nothing(person: Person) -> None:
    signed = (await person.sign_in()).json()
    async with person.gateway.client() as admin:
        done = await admin.put(f"/v1/users/{person.id}/password", json={"password": "another long password"})
    assert done.status_code == 204
    assert (await person.ask(signed["access_token"])).status_code == 401
    assert (await person.sign_in()).status_code == 401
    assert (await person.sign_in("another long password")).status_code == 201


async def test_a_changed_role_holds_for_the_sessions_there_are(person: Person) -> None:
    token = (await person.sign_in()).json()["access_token"]
    before = await person.ask(token, "/v1/keys")
    async with person.gateway.client() as admin:
        changed = await admin.patch(f"/v1/users/{person.id}", json={"role": "admin", "agent": None})
    after = await person.ask(token, "/v1/keys")
    assert (changed.json()["role"], changed.json()["agent"], changed.json()["name"]) == ("admin", None, "Ada")
    assert (before.status_code, after.status_code) == (403, 200)


async def test_a_lead_lets_nobody_in(gateway: Gateway) -> None:
    lead = await let_in(gateway, "lead")
    token = (await lead.sign_in()).json()["access_token"]
    async with gateway.client(token) as asking:
        made = await asking.post("/v1/users", json={"email": "x@example.org", "role": "agent", "agent": "x"})
        changed = await asking.put(f"/v1/users/{lead.id}/password", json={"password": PASSWORD})
    assert (made.status_code, changed.status_code) == (403, 403)


async def test_an_address_is_one_person_of_a_workspace(person: Person) -> None:
    async with person.gateway.client() as admin:
        twice = await admin.post("/v1/users", json={"email": person.email, "role": "lead"})
        listed = (await admin.get("/v1/users", params={"limit": 500})).json()["items"]
        gone = await admin.delete(f"/v1/users/{person.id}")
        again = await admin.delete(f"/v1/users/{person.id}")
    assert person.id in [user["id"] for user in listed]
    assert (twice.status_code, gone.status_code, again.status_code) == (409, 204, 404)


async def test_users_of_another_workspace_are_not_there(person: Person) -> None:
    gateway = person.gateway
    async with gateway.client(gateway.installation_key) as installation:
        await installation.post("/v1/workspaces", json={"id": f"w{uuid4().hex[:8]}", "name": "Other"})
        workspaces = (await installation.get("/v1/workspaces")).json()["items"]
    other = next(item["id"] for item in workspaces if item["id"] != "main")
    async with gateway.client(await gateway.make_key("admin", other)) as admin:
        answers = [
            await admin.get(f"/v1/users/{person.id}"),
            await admin.patch(f"/v1/users/{person.id}", json={"disabled": True}),
            await admin.put(f"/v1/users/{person.id}/password", json={"password": PASSWORD}),
            await admin.delete(f"/v1/users/{person.id}"),
        ]
    assert [answer.status_code for answer in answers] == [404] * 4


async def test_no_password_and_no_token_reaches_a_log_or_the_database(person: Person) -> None:
    signed = (await person.sign_in()).json()
    await person.sign_in("a wrong password of his")
    await person.refresh(signed["refresh_token"])
    secrets = [PASSWORD, "a wrong password of his", signed["refresh_token"], signed["access_token"]]
    logs = "".join(file.read_text() for file in person.gateway.desk.directory.glob("*.log"))
    database = await person.gateway.desk.connect("gateway")
    tables = ("users", "sessions", "refresh_tokens", "sign_in_tries", "idempotency")
    kept = "".join([str(await database.fetch(f"select t::text from {table} t")) for table in tables])
    await database.close()
    assert not [secret for secret in secrets if secret in logs or secret in kept]


@pytest.mark.parametrize(
    "body",
    [{}, {"workspace": "main"}, {"api_key": "sb_x"}, {"workspace": "main", "email": "no address", "password": "x"}, []],
)
async def test_what_is_no_way_to_sign_in_is_refused_without_repeating_it(gateway: Gateway, body: Any) -> None:
    async with httpx.AsyncClient(base_url=gateway.url) as nobody:
        answer = await nobody.post("/v1/sessions", json=body)
    assert answer.status_code in (401, 422)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "no address" not in answer.text
