"""What notify reads from its environment."""

from shared.config import ServiceConfig


class Config(ServiceConfig):
    """Nothing beyond what every service reads."""
