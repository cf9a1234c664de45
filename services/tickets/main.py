"""Composition root of tickets."""

from services.tickets.abreast import keep_abreast
from services.tickets.api import create_api
from services.tickets.clocking import settle
from services.tickets.closing import close_by_time
from services.tickets.config import Config
from services.tickets.due import run_timers
from services.tickets.files import forget_files
from services.tickets.handlers import HANDLERS
from services.tickets.media import fetch_media
from services.tickets.repo.answers import ours
from services.tickets.repo.checks import check_tickets, holders
from services.tickets.repo.messages import accepted_ids
from services.tickets.sealing import check_seals, seal_audit
from services.tickets.waiting import forget_runs
from shared.contracts.topics import INBOUND_MESSAGES, OUTBOUND_COMMANDS, TICKET_EVENTS
from shared.service import Service

SERVICE = Service(
    name="tickets",
    config=Config,
    handlers=HANDLERS,
    api=create_api,
    loops=(close_by_time, forget_files, fetch_media, run_timers, keep_abreast, seal_audit, forget_runs),
    checks=(check_tickets, check_seals),
    finds={INBOUND_MESSAGES.name: accepted_ids, OUTBOUND_COMMANDS.name: ours, TICKET_EVENTS.name: ours},
    holders=holders,
    conclude=settle,
)
