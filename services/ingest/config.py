"""What ingest reads from its environment beside what every service does."""

import ssl
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from shared.config import ServiceConfig
from shared.tls import require_readable


class Config(ServiceConfig):
    """Times of the accept path, in seconds, and where mail servers may deliver."""

    accept_timeout_s: float = 1.5
    """Kafka has this long to confirm; with what comes before, a caller waits no longer than 2 s for a 503."""
    body_timeout_s: float = 30
    """A request whose body has not arrived by then is refused."""
    blobs_timeout_s: float = 15
    """A large mail's files are written within this time, or the request is answered 503."""
    quarantine_days: int = 30
    """What nobody could read is kept this long for somebody to look at."""
    secrets_reread_s: float = 2
    """A secret that stands in a file or a variable is read again after this long, so that it can be rotated."""

    smtp_port: int = Field(default=0, ge=0, le=65535)
    """Port on which mail servers deliver by SMTP; 0 is none."""
    lmtp_port: int = Field(default=0, ge=0, le=65535)
    """Port on which a mail server of ours delivers by LMTP; 0 is none. Not for strangers."""
    smtp_host: str = ""
    """Address that both listen on; SWITCHBOARD_HOST without it."""
    smtp_name: str = "switchboard"
    """What we call ourselves to mail servers: the name that the domain's MX record holds."""
    smtp_cert: Path | None = None
    """File of our certificate for STARTTLS (PEM, with its chain); a renewed one is used within a minute."""
    smtp_key: Path | None = None
    """File of its private key (PEM, not encrypted)."""
    smtp_connections: int = Field(default=100, ge=1)
    """Mail servers that may be connected at once; one address may have half of them."""
    smtp_idle_s: float = Field(default=300, gt=0)
    """A mail server that needs longer for a command, or for a whole mail, is let go."""
    imap_poll_s: float = Field(default=10, gt=0)
    """A mailbox is looked into this often."""
    imap_tries: int = Field(default=6, ge=1)
    """A mail that its server does not give out, tried so often, is passed over and put in quarantine."""
    allow_private_urls: bool = False
    """Mailboxes may be fetched from servers inside our own network; for a desk on one machine."""

    @model_validator(mode="after")
    def _mail_can_be_encrypted_so(self) -> Self:
        if (self.smtp_cert is None) != (self.smtp_key is None):
            raise ValueError("SWITCHBOARD_SMTP_CERT and SWITCHBOARD_SMTP_KEY belong together; set both or neither")
        self.smtp_context()
        return self

    def smtp_context(self) -> ssl.SSLContext | None:
        """What STARTTLS uses; None without a certificate."""
        if self.smtp_cert is None or self.smtp_key is None:
            return None
        require_readable(self.smtp_cert, "SWITCHBOARD_SMTP_CERT")
        require_readable(self.smtp_key, "SWITCHBOARD_SMTP_KEY")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.smtp_cert, self.smtp_key, password="")
        except ssl.SSLError:
            raise ValueError(
                "SWITCHBOARD_SMTP_CERT and SWITCHBOARD_SMTP_KEY are not a certificate and its key in PEM form; "
                "the key must not be encrypted"
            ) from None
        return context
