"""Listens for mail servers where a port is set; SMTP beside LMTP, until the process drains."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from services.ingest.config import Config
from services.ingest.keep import Keeper
from services.ingest.mail.envelope import Envelopes
from services.ingest.mail.recipients import Recipients
from services.ingest.mail.session import LocalSession, MailSession, Room
from shared.blobs import BlobStore
from shared.service import Runtime

log = logging.getLogger(__name__)

CERTIFICATE_REREAD_S = 60
"""A renewed certificate is used after this long."""
DRAIN_S = 5
"""Mails in hand are finished within this time; others come again."""
logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd's, which writes addresses of customers


async def listen(runtime: Runtime) -> None:
    """Take mail until cancelled; returns at once where no port is set."""
    config = runtime.config
    assert isinstance(config, Config)
    if not config.smtp_port and not config.lmtp_port:
        return
    blobs = BlobStore(config.blobs, timeout_s=config.blobs_timeout_s)
    keeper = Keeper(blobs, lambda: runtime.producer)
    recipients = Recipients(runtime.settings, config.key.get_secret_value(), reread_s=config.secrets_reread_s)
    hooks = Envelopes(recipients, keeper, config, runtime.clock)
    tls = config.smtp_context()
    room = Room(config.smtp_connections)

    def session(kind: type[MailSession]) -> Callable[[], MailSession]:
        return lambda: kind(hooks, room, name=config.smtp_name, tls=tls, idle_s=config.smtp_idle_s)

    async with AsyncExitStack() as stack:
        stack.push_async_callback(_finished, hooks)
        if config.smtp_port:
            await stack.enter_async_context(_listening(session(MailSession), config, config.smtp_port))
        if config.lmtp_port:
            await stack.enter_async_context(_listening(session(LocalSession), config, config.lmtp_port))
        while True:
            await asyncio.sleep(CERTIFICATE_REREAD_S)
            if tls is not None:
                _reread(tls, config)


@asynccontextmanager
async def _listening(session: Callable[[], MailSession], config: Config, port: int) -> AsyncIterator[None]:
    host = config.smtp_host or config.host
    server = await asyncio.get_running_loop().create_server(session, host, port)
    log.info("listening for mail", extra={"port": port})
    try:
        yield
    finally:
        server.close()


async def _finished(hooks: Envelopes) -> None:
    if hooks.in_hand:
        await asyncio.wait(set(hooks.in_hand), timeout=DRAIN_S)


def _reread(tls: ssl.SSLContext, config: Config) -> None:
    """Take the certificate as it is now; a broken one changes nothing."""
    assert config.smtp_cert is not None
    with suppress(OSError, ssl.SSLError):
        tls.load_cert_chain(config.smtp_cert, config.smtp_key, password="")
