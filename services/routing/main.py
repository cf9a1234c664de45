"""Composition root of routing."""

from services.routing.absence import release_absent
from services.routing.api import create_api
from services.routing.config import Config
from services.routing.handlers import HANDLERS
from services.routing.leases import end_leases
from services.routing.matcher import match_tickets
from services.routing.repo.checks import check_routing, holders
from shared.service import Service

SERVICE = Service(
    name="routing",
    config=Config,
    handlers=HANDLERS,
    api=create_api,
    loops=(match_tickets, end_leases, release_absent),
    checks=(check_routing,),
    holders=holders,
)
