"""The gateway's own API: settings, workspaces, API keys; everything else it forwards."""

from fastapi import FastAPI

from services.gateway.api_keys import add_keys
from services.gateway.api_settings import add_settings
from services.gateway.config import Config
from services.gateway.describe import describe_kinds
from services.gateway.forward import Forwarder
from services.gateway.front import Front
from services.gateway.gate import Gate
from services.gateway.routes import Table
from shared.http import create_app
from shared.service import Runtime

ABOUT = (
    "Settings, workspaces and API keys. Send a key as `Authorization: Bearer sb_…`; an installation key chooses a "
    "workspace by the header `Switchboard-Workspace`. Tickets, queues and offers are asked for at the same address; "
    "their owners describe them."
)


def create_api(runtime: Runtime) -> FastAPI:
    """The whole API of the gateway, behind its front."""
    config = runtime.config
    assert isinstance(config, Config)
    app = create_app(runtime, "Switchboard gateway", description=ABOUT)
    gate = Gate(runtime.pool, runtime.clock, config.key_cache_s)
    add_settings(app, runtime, gate)
    add_keys(app, runtime, gate)
    describe_kinds(app)
    forwarder = Forwarder(
        config.urls,
        config.signing_key,
        runtime.clock,
        connect_s=config.forward_connect_s,
        timeout_s=config.forward_timeout_s,
    )
    app.add_middleware(Front, table=Table(), gate=gate, forwarder=forwarder)
    return app
