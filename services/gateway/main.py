"""Composition root of the gateway."""

from services.gateway.api import create_api
from services.gateway.bootstrap import bootstrap
from services.gateway.config import Config
from services.gateway.repo.checks import check_settings
from services.gateway.republish import republish
from services.gateway.sessions import forget_sessions
from shared.service import Service

SERVICE = Service(
    name="gateway",
    config=Config,
    api=create_api,
    loops=(forget_sessions,),
    checks=(check_settings,),
    commands={"bootstrap": bootstrap, "republish": republish},
)
