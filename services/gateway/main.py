"""Composition root of the gateway."""

from services.gateway.api import create_api
from services.gateway.bootstrap import bootstrap
from services.gateway.config import Config
from services.gateway.repo.checks import check_settings
from services.gateway.republish import republish
from shared.service import Service

SERVICE = Service(
    name="gateway",
    config=Config,
    api=create_api,
    checks=(check_settings,),
    commands={"bootstrap": bootstrap, "republish": republish},
)
