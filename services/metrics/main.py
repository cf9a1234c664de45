"""Composition root of metrics."""

from services.metrics.api import create_api
from services.metrics.config import Config
from services.metrics.handlers import HANDLERS
from services.metrics.rebuild import rebuild
from services.metrics.repo.checks import check_facts
from shared.service import Service

SERVICE = Service(
    name="metrics",
    config=Config,
    handlers=HANDLERS,
    api=create_api,
    checks=(check_facts,),
    commands={"rebuild": rebuild},
)
