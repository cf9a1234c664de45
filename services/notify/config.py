"""What notify reads from its environment."""

from pydantic import Field

from services.notify.domain.send import Patience
from shared.config import ServiceConfig


class Config(ServiceConfig):
    """How long a try may take, how long it is worth repeating, and whom we may connect to; times in seconds."""

    send_lease_s: float = Field(default=60, gt=0)
    """A try that has not been recorded by then is unknown; the call itself gets four tenths of it."""
    send_at_once: int = Field(default=24, ge=1)
    """Calls under way at a time for one account, in one process."""
    send_poll_s: float = Field(default=0.5, gt=0)
    """What another process put down, and what has become due, is found within this time."""
    send_attempts_max: int = Field(default=20, ge=1)
    send_give_up_s: float = 86_400
    """A message that could not be sent for so long has failed."""
    send_backoff_s: float = 1
    """The first retry waits for this long, each later one twice as long as the one before."""
    send_backoff_max_s: float = 600
    unknown_holds_s: float = 60
    """A message whose outcome is unknown keeps those behind it waiting for this long."""
    receipts_kept_days: int = 14
    """A provider's word on a message that never was ours goes after so many days: twice its topic's retention."""
    secrets_reread_s: float = 2
    allow_private_urls: bool = False
    """Whether accounts may name addresses that are not public: for a desk on one machine, and for tests."""

    @property
    def call_timeout_s(self) -> float:
        """Less than half a lease, so that a call which begins within the first half has ended when it lapses."""
        return self.send_lease_s * 0.4

    @property
    def patience(self) -> Patience:
        """When to try again, and when to stop."""
        return Patience(
            attempts_max=self.send_attempts_max,
            give_up_s=self.send_give_up_s,
            first_s=self.send_backoff_s,
            most_s=self.send_backoff_max_s,
            hold_s=self.unknown_holds_s,
        )
