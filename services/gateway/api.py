"""The gateway's own API: settings, workspaces, API keys; everything else it forwards."""

from fastapi import FastAPI

from services.gateway.api_keys import add_keys
from services.gateway.api_sessions import add_sessions
from services.gateway.api_settings import add_settings
from services.gateway.api_users import add_users
from services.gateway.config import Config
from services.gateway.describe import describe_kinds
from services.gateway.forward import Forwarder
from services.gateway.front import Front
from services.gateway.gate import Gate
from services.gateway.passwords import Passwords
from services.gateway.routes import Table
from services.gateway.sessions import Sessions
from services.gateway.stream.api import add_stream
from services.gateway.stream.hub import HUB
from services.gateway.tokens import Tokens
from services.gateway.viewing import Viewing, add_viewing
from shared.http import create_app
from shared.service import Runtime

ABOUT = (
    "Users, sessions, settings, workspaces, API keys and the live stream. Send a key or an access token as "
    "`Authorization: Bearer …`; an installation key chooses a "
    "workspace by the header `Switchboard-Workspace`. Tickets, queues and offers are asked for at the same address; "
    "their owners describe them."
)


def create_api(runtime: Runtime) -> FastAPI:
    """The whole API of the gateway, behind its front."""
    config = runtime.config
    assert isinstance(config, Config)
    app = create_app(runtime, "Switchboard gateway", description=ABOUT)
    tokens, passwords = Tokens(config.key.get_secret_value()), Passwords()
    gate = Gate(runtime.pool, runtime.clock, tokens, config.key_cache_s)
    add_settings(app, runtime, gate)
    add_keys(app, runtime, gate)
    add_users(app, runtime, gate, passwords)
    add_sessions(app, runtime, gate, Sessions(runtime, tokens, passwords), proxies=config.proxies)
    describe_kinds(app)
    add_stream(app, runtime, HUB)
    forwarder = Forwarder.of(config, runtime.clock)
    add_viewing(app, Viewing(runtime, forwarder))
    app.add_middleware(Front, table=Table(), gate=gate, forwarder=forwarder)
    return app
