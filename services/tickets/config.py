"""What tickets reads from its environment."""

from pydantic import Field

from shared.config import ServiceConfig


class Config(ServiceConfig):
    """How customers' files are fetched from where providers keep them; times in seconds."""

    media_lease_s: float = Field(default=120, gt=0)
    """A file that nobody has recorded by then is fetched again; one try gets a quarter of it."""
    media_at_once: int = Field(default=4, ge=1)
    """Files that one process fetches at a time."""
    media_poll_s: float = Field(default=2, gt=0)
    """What another process put down, and what has become due, is found within this time."""
    media_give_up_s: float = 86_400
    """A file that could not be had for so long is given up."""
    secrets_reread_s: float = 2
    allow_private_urls: bool = False
    """Whether providers' addresses may lead into our own network: for a desk on one machine, and for tests."""
