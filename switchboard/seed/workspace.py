"""Makes the demo's workspace over the gateway's API; what is there already stays as it is."""

import hashlib
import hmac
import os

from shared.errors import NotFound, SwitchboardError
from switchboard.desk_api import DeskApi, service_urls
from switchboard.seed.customers.place import told
from switchboard.seed.documents import AGENTS, FIRST_AGENT, WORKSPACE, documents
from switchboard.settings_apply import Version, wait_for
from switchboard.settings_plan import place

PLAY_LABEL = "demo traffic"
_WAIT_S = 30


def secret() -> str:
    """What the demo's accounts prove requests with: made from the installation's key, so that it is kept nowhere."""
    key = os.environ.get("SWITCHBOARD_KEY", "").split(",")[0]
    if not key:
        raise NotFound("run this as `switchboard seed`, which knows the installation's key", reason="no_key")
    return hmac.new(key.encode(), b"switchboard/demo/accounts", hashlib.sha256).hexdigest()


def operator() -> DeskApi:
    """The gateway, asked with the installation key inside the demo's workspace."""
    url, key = service_urls().get("gateway"), os.environ.get("SWITCHBOARD_INSTALLATION_KEY")
    if url is None or not key:
        raise NotFound(
            "the demo is made on a running desk, with its installation key: `switchboard up`, then `switchboard seed`",
            reason="no_installation_key",
        )
    return DeskApi(url, key, WORKSPACE)


def make() -> dict[str, str]:
    """Save every document, wait until all services have them, and give the keys: of the first agent and the admin."""
    api = operator()
    made = documents(secret(), told())
    versions: list[Version] = []
    for kind in sorted(made, key=place):
        for id_, document in made[kind].items():
            saved = api.ask("PUT", f"/v1/settings/{kind}/{id_}", json=document)
            versions.append((f"{WORKSPACE}/{kind}/{id_}", saved["version"]))
    wait_for(versions, service_urls(), timeout_s=_WAIT_S)
    return {
        "agent_key": _kept_key(api, "agent_key", role="agent", agent=FIRST_AGENT, label="first agent"),
        "demo_admin_key": _kept_key(api, "demo_admin_key", role="admin", label="demo admin"),
    }


def _kept_key(api: DeskApi, name: str, **wanted: str) -> str:
    """The key that the installation keeps under this name, where it still opens the demo; else a new one."""
    kept = os.environ.get(f"SWITCHBOARD_{name.upper()}")
    if kept and _opens_demo(kept):
        return kept
    return str(api.ask("POST", "/v1/keys", json=wanted)["key"])


def _opens_demo(key: str) -> bool:
    try:
        return bool(DeskApi(service_urls()["gateway"], key).ask("GET", "/v1/whoami")["workspace"] == WORKSPACE)
    except SwitchboardError:
        return False


def hand_out_keys(api: DeskApi) -> dict[str, str]:
    """A key for each agent of the play, after taking back those of a play that was broken off."""
    take_back_keys(api)
    return {
        agent: api.ask("POST", "/v1/keys", json={"role": "agent", "agent": agent, "label": PLAY_LABEL})["key"]
        for agent in AGENTS
    }


def take_back_keys(api: DeskApi) -> None:
    """Revoke the keys of the play."""
    for key in list(api.pages("/v1/keys")):
        if key["label"] == PLAY_LABEL:
            api.ask("DELETE", f"/v1/keys/{key['id']}", missing_ok=True)
