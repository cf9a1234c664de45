"""Composition root of the gateway."""

from services.gateway.api import create_api
from services.gateway.bootstrap import bootstrap
from services.gateway.config import Config
from services.gateway.repo.checks import check_settings
from services.gateway.republish import republish
from services.gateway.sessions import forget_sessions
from services.gateway.stream.keep import keep_streams, report_presence, tail_events
from shared.service import Service

SERVICE = Service(
    name="gateway",
    public=True,
    config=Config,
    api=create_api,
    loops=(tail_events, keep_streams, report_presence, forget_sessions),
    checks=(check_settings,),
    commands={"bootstrap": bootstrap, "republish": republish},
)
