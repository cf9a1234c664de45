"""The desk's HTTP API as an operator's command asks it: with the kept keys, and refusals in plain words."""

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from shared.errors import NotFound, Refused, StoreUnavailable, SwitchboardError

KEY_VARIABLES = ("SWITCHBOARD_API_KEY", "SWITCHBOARD_INSTALLATION_KEY", "SWITCHBOARD_ADMIN_KEY")
"""Where a key is looked for when none is given; `up` keeps the last two."""
FIRST_WORKSPACE = "main"
_TIMEOUT_S = 30


class DeskApi:
    """The gateway, asked with one key in one workspace."""

    def __init__(self, url: str, key: str, workspace: str | None = None) -> None:
        headers = {"authorization": f"Bearer {key}"}
        if workspace is not None:
            headers["switchboard-workspace"] = workspace
        self._client = httpx.Client(base_url=url, headers=headers, timeout=_TIMEOUT_S, trust_env=False)

    def ask(self, method: str, path: str, *, missing_ok: bool = False, **more: Any) -> Any:
        """The answer's JSON (None without a body, or for a 404 that is allowed); raises what the problem says."""
        try:
            answer = self._client.request(method, path, **more)
        except httpx.HTTPError as error:
            raise StoreUnavailable(
                f"the gateway at {self._client.base_url} does not answer ({type(error).__name__}); is the desk up?",
                reason="gateway_down",
            ) from error
        if answer.is_success:
            return answer.json() if answer.content else None
        if answer.status_code == 404 and missing_ok:
            return None
        raise refusal(answer)

    def pages(self, path: str) -> Iterator[dict[str, Any]]:
        """Every item of a list, page by page."""
        cursor: str | None = None
        while True:
            page = self.ask("GET", path, params={"limit": 500} | ({"cursor": cursor} if cursor else {}))
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return


def refusal(answer: httpx.Response) -> SwitchboardError:
    """The problem (RFC 9457) of an answer as one of our errors."""
    try:
        problem = answer.json()
        detail, fields = str(problem["detail"]), list(problem.get("errors") or [])
    except (ValueError, KeyError, TypeError):
        detail, fields = f"{answer.request.url} answered {answer.status_code}", []
    kind = StoreUnavailable if answer.status_code >= 500 else NotFound if answer.status_code == 404 else Refused
    return kind(detail, reason=f"http_{answer.status_code}", fields=fields)


def service_urls() -> Mapping[str, str]:
    """The base URL of each service, as `switchboard` tells its commands."""
    return dict(json.loads(os.environ.get("SWITCHBOARD_URLS") or "{}"))


def connect(url: str | None, key: str | None, workspace: str | None) -> tuple[DeskApi, str]:
    """The gateway and the workspace that is worked in; what is not given comes from the environment."""
    url = url or service_urls().get("gateway")
    if url is None:
        raise NotFound("which desk? start it with `switchboard up`, or give --url", reason="no_url")
    key = key or next((os.environ[name] for name in KEY_VARIABLES if os.environ.get(name)), None)
    if key is None:
        raise NotFound(f"no key: give --key, or set {KEY_VARIABLES[0]}", reason="no_key")
    who = DeskApi(url, key).ask("GET", "/v1/whoami")
    if who["role"] == "installation":
        workspace = workspace or FIRST_WORKSPACE
        return DeskApi(url, key, workspace), workspace
    return DeskApi(url, key, workspace), str(who["workspace"])
