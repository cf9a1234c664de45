"""What becomes of one mail over SMTP or LMTP: who takes it, and the answer once Kafka has it (RFC 5321, RFC 2033)."""

import asyncio
import logging
from typing import TYPE_CHECKING

from aiosmtpd.smtp import Envelope, Session

from services.ingest.config import Config
from services.ingest.keep import Keeper, log_bug
from services.ingest.mail.recipients import ENVELOPE_FROM, ENVELOPE_TO, Box, Recipients
from shared.channels.base import MIB, Request
from shared.clock import Clock
from shared.errors import NotFound, Refused, SwitchboardError
from shared.telemetry import metrics, trace

if TYPE_CHECKING:
    from services.ingest.mail.session import MailSession

log = logging.getLogger(__name__)

RECIPIENTS_MAX = 100
"""Of one mail, the least that a server has to take (RFC 5321 §4.5.3.1.8)."""
LARGE_AT_ONCE = 4
"""Mails over 1 MiB that are taken apart at a time; the others wait for their turn."""
TAKEN = "250 2.6.0 taken"
LATER = "451 4.3.0 not kept now; send it again"
UNKNOWN = "unknown"
"""Where nobody can say which channel it is."""


class Envelopes:
    """The server's hooks; names and parameters are aiosmtpd's."""

    def __init__(self, recipients: Recipients, keeper: Keeper, config: Config, clock: Clock) -> None:
        self._recipients = recipients
        self._keeper = keeper
        self._config = config
        self._clock = clock
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
        self.in_hand: set[asyncio.Task[object]] = set()

    async def handle_EHLO(  # noqa: N802 - the library's
        self, _server: "MailSession", session: Session, _envelope: Envelope, name: str, said: list[str]
    ) -> list[str]:
        """Commands may be sent without waiting for each answer; nobody logs in here."""
        session.host_name = name
        last = said.pop()
        return [line for line in said if not line.startswith("250-AUTH")] + ["250-PIPELINING", last]

    async def handle_RCPT(  # noqa: N802 - the library's
        self, _server: "MailSession", _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Whether somebody here has the address."""
        if len(envelope.rcpt_tos) >= RECIPIENTS_MAX:
            return "452 4.5.3 too many recipients; send it to the others in another mail"
        try:
            self._recipients.of(address)
        except SwitchboardError as error:
            metrics.INBOUND_REFUSED.labels(UNKNOWN, error.reason).inc()
            return f"550 5.1.1 {error}" if isinstance(error, NotFound) else f"451 4.3.0 {error}"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: "MailSession", _session: Session, envelope: Envelope) -> str:  # noqa: N802 - the library's
        """Keep the mail for each account; every recipient has his own answer over LMTP."""
        task = asyncio.current_task()
        assert task is not None
        self.in_hand.add(task)
        try:
            said = await self._deliver(envelope)
        finally:
            self.in_hand.discard(task)
            server.let_go()
        if server.lmtp:
            return "\r\n".join(said[address] for address in envelope.rcpt_tos)
        return next((answer for answer in said.values() if answer != TAKEN), TAKEN)

    async def handle_exception(self, error: Exception) -> str:
        """What went wrong on our side is no reason to lose a mail."""
        log_bug("a mail session failed", UNKNOWN, error)
        return LATER

    async def _deliver(self, envelope: Envelope) -> dict[str, str]:
        """The answer for each recipient; an account of several gets the mail once."""
        said: dict[str, str] = {}
        by_account: dict[str, tuple[Box, list[str]]] = {}
        for address in envelope.rcpt_tos:
            try:
                for box in self._recipients.of(address):
                    by_account.setdefault(box.id, (box, []))[1].append(address)
                said[address] = TAKEN
            except SwitchboardError:  # let go of since RCPT
                said[address] = LATER
        for box, addresses in by_account.values():
            answer = await self._keep(box, envelope, addresses)
            said |= dict.fromkeys(addresses, answer) if answer != TAKEN else {}
        return said

    async def _keep(self, box: Box, envelope: Envelope, addresses: list[str]) -> str:
        content = envelope.original_content or b""
        headers = {ENVELOPE_TO: ", ".join(addresses), ENVELOPE_FROM: envelope.mail_from or ""}
        request = Request(headers=headers, body=content, received_at=self._clock())
        timeout_s, channel = self._config.accept_timeout_s, box.document.channel
        try:
            with trace.span(f"accept {channel}") as current:
                arrival = self._recipients.arrival(box, request, current)
                async with asyncio.timeout(self._config.blobs_timeout_s + 2 * timeout_s):
                    if len(content) <= MIB:
                        await self._keeper.keep([arrival], timeout_s=timeout_s)
                    else:
                        async with self._large:
                            await self._keeper.keep([arrival], timeout_s=timeout_s)
        except (SwitchboardError, OSError) as error:
            reason = error.reason if isinstance(error, SwitchboardError) else "timeout"
            metrics.INBOUND_REFUSED.labels(channel, reason).inc()
            return "554 5.6.0 this is no mail" if isinstance(error, Refused) else LATER
        except Exception as error:  # noqa: BLE001 - the mail stays with who sends it
            log_bug("a mail was not kept", channel, error)
            return LATER
        return TAKEN
