"""Composition root of notify."""

from services.notify.api import create_api
from services.notify.config import Config
from services.notify.handlers import HANDLERS
from services.notify.repo.checks import check_sends
from services.notify.repo.sends import commanded
from services.notify.sender import send_messages
from shared.contracts.topics import OUTBOUND_COMMANDS
from shared.service import Service

SERVICE = Service(
    name="notify",
    config=Config,
    handlers=HANDLERS,
    api=create_api,
    loops=(send_messages,),
    checks=(check_sends,),
    finds={OUTBOUND_COMMANDS.name: commanded},
)
