"""The gateway's table and the owners' APIs are the same list: nothing is out of reach, nothing leads nowhere."""

import importlib
import os
import re
from typing import Any

import pytest

from services.gateway.routes import ROUTES, Route, Table
from shared.service import Runtime

OWNERS = sorted({route.owner for route in ROUTES} - {"gateway"})
DIRECT = "/v1/inbound/"
"""Providers post here without a key; it does not go through the gateway."""


def operations(owner: str) -> set[tuple[str, str]]:
    """Method and path of everything that an owner answers under /v1."""
    service = importlib.import_module(f"services.{owner}.main").SERVICE
    if service.api is None:
        return set()
    pool: Any = None  # nothing is asked of it
    document = service.api(Runtime(service, service.config(), pool=pool)).openapi()
    return {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item
        if path.startswith("/v1/")
        and not path.startswith(DIRECT)
        and method in ("get", "put", "post", "patch", "delete")
    }


@pytest.mark.parametrize("owner", OWNERS)
async def test_every_route_of_an_owner_is_a_row_of_the_table_and_every_row_is_a_route(
    owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("SWITCHBOARD_")]:
        monkeypatch.delenv(name)
    rows = {(route.method, route.pattern) for route in ROUTES if route.owner == owner}
    served = operations(owner)
    assert served <= rows
    assert rows - served == set()


@pytest.mark.parametrize("owner", OWNERS)
async def test_the_table_leads_each_address_to_its_own_owner(owner: str) -> None:
    for method, path in operations(owner):
        found = Table().match(method, re.sub(r"\{\w+\}", "0190b3f2-0000-7000-8000-000000000000", path))
        assert isinstance(found, Route)
        assert found.owner == owner
