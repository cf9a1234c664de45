"""What ingest reads from its environment beside what every service does."""

from shared.config import ServiceConfig


class Config(ServiceConfig):
    """Times of the accept path, in seconds."""

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
