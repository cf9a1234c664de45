"""What the gateway reads from its environment beside what every service does."""

from pydantic import Field

from shared.config import ServiceConfig


class Config(ServiceConfig):
    """Times of the gateway, in seconds."""

    forward_connect_s: float = 1
    """An owner that does not take the connection within this time is down."""
    forward_timeout_s: float = 15
    """An owner's own statements end after 10 s, so that its answer comes before we give up."""
    key_cache_s: float = 2
    """A key revoked through another replica is refused after this long at the latest."""
    presence_report_s: float = 3
    """The shortest grace that routing takes is 5 s, and a report may get lost."""
    proxies: int = Field(default=0, ge=0)
    """Proxies of ours in front that add to X-Forwarded-For; 0: the connection's peer is the client."""
