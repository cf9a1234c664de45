"""Composition root of ingest."""

from services.ingest.api import create_api
from services.ingest.config import Config
from services.ingest.handlers import HANDLERS
from services.ingest.mail.listener import listen
from services.ingest.mail.mailboxes import read_mailboxes
from services.ingest.repo import standing
from services.ingest.retention import expire
from shared.contracts.topics import RAW_INBOUND
from shared.service import Service

SERVICE = Service(
    name="ingest",
    public=True,
    config=Config,
    handlers=HANDLERS,
    api=create_api,
    loops=(expire, listen, read_mailboxes),
    finds={RAW_INBOUND.name: standing},
)
