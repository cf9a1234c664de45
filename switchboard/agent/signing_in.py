"""Which key an agent works with: his own, or one made for him on the machine where the desk runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shared.errors import NotFound, Refused
from switchboard.desk_api import DeskApi, service_urls

OWN = "SWITCHBOARD_AGENT_KEY"
"""The first agent's key, which `up --demo` keeps."""
ADMINS = ("SWITCHBOARD_DEMO_ADMIN_KEY", "SWITCHBOARD_ADMIN_KEY")
LABEL = "terminal desk"


@dataclass(frozen=True, slots=True, repr=False)
class Me:
    """The agent who works here."""

    agent: str
    url: str
    key: str

    def api(self) -> DeskApi:
        """The desk, asked as this agent."""
        return DeskApi(self.url, self.key)


@contextmanager
def sign_in(url: str | None, key: str | None, name: str | None) -> Iterator[Me]:
    """The agent of the key, or of the name; raises NotFound or Refused with what to do."""
    url = url or service_urls().get("gateway")
    if url is None:
        raise NotFound("which desk? start it with `switchboard up --demo`, or give --url", reason="no_url")
    found = _agents_key(url, key, required=True) if key else _agents_key(url, os.environ.get(OWN), required=False)
    if found is not None and name in (None, found.agent):
        yield found
        return
    if key and found is not None:
        raise Refused(f"the key is {found.agent}'s, not {name}'s; leave --as out, or give {name}'s key")
    if name is None:
        raise NotFound("who works here? give --as NAME, or an agent's key with --key", reason="no_agent")
    admin, id_, made = _made_key(url, name)
    try:
        yield made
    finally:
        admin.ask("DELETE", f"/v1/keys/{id_}", missing_ok=True)


def _agents_key(url: str, key: str | None, *, required: bool) -> Me | None:
    """Whom a key stands for; None where it is none, or not an agent's, unless it has to be."""
    if not key:
        return None
    try:
        agent = DeskApi(url, key).ask("GET", "/v1/whoami")["agent"]
    except Refused:
        if required:
            raise
        return None
    if agent is None and required:
        raise Refused("this key names no agent; an admin makes one that does: POST /v1/keys")
    return Me(agent, url, key) if agent else None


def _made_key(url: str, name: str) -> tuple[DeskApi, str, Me]:
    """A key for this agent, made with an admin's key that `up` has kept."""
    for variable in ADMINS:
        key = os.environ.get(variable)
        if not key:
            continue
        admin = DeskApi(url, key)
        if admin.ask("GET", f"/v1/settings/agent/{name}", missing_ok=True) is None:
            continue
        made = admin.ask("POST", "/v1/keys", json={"role": "agent", "agent": name, "label": LABEL})
        return admin, made["id"], Me(name, url, made["key"])
    raise NotFound(
        f"no agent {name} is known here, or no admin's key is kept to make one for him: see `switchboard settings "
        "list agent`, or give his key with --key",
        reason="no_such_agent",
    )
