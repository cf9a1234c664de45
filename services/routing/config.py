"""What routing reads from its environment beside what every service does."""

from shared.config import ServiceConfig


class Config(ServiceConfig):
    """Sizes and times of routing."""

    match_page: int = 1000
    """Waiting tickets looked at in one transaction."""
    match_most: int = 400
    """Tickets given out in one transaction, so that row locks stay short."""
    match_poll_s: float = 0.2
    """What another replica changed is found by looking; our own changes wake the matcher at once."""
    lease_poll_s: float = 0.2
    presence_poll_s: float = 1.0
    catching_up_s: float = 10
    """A command waits for so long while routing reads its own log back after a start."""
