"""What every service reads from its environment (SWITCHBOARD_KAFKA and so on), once, at the start."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServiceConfig(BaseSettings):
    """A service's environment; a service with more to say subclasses it in its config.py."""

    model_config = SettingsConfigDict(env_prefix="SWITCHBOARD_", frozen=True, extra="ignore")

    kafka: str = "127.0.0.1:9092"
    """Kafka's bootstrap servers."""
    postgres: str = "postgresql://127.0.0.1/switchboard"
    """DSN; SWITCHBOARD_POSTGRES_<SERVICE> wins over SWITCHBOARD_POSTGRES."""
    blobs: str = ".switchboard/blobs"
    """A folder, or a URL that obstore understands (s3://, gs://, az://)."""
    key: SecretStr = SecretStr("")
    """The installation's keys, newest first, separated by commas: they sign identities and seal secrets."""
    topic_prefix: str = ""
    host: str = "127.0.0.1"
    port: int = 0
    urls: dict[str, str] = Field(default_factory=dict)
    """Base URL of each service."""
    log_level: str = "INFO"

    session_timeout_s: float = 10
    """A consumer that is silent for this long loses its partitions."""
    batch_target_s: float = 0.05
    """A batch's transaction should take no longer, so that API calls do not wait for row locks."""
    batch_max: int = 1000
    delivery_timeout_s: float = 10
    """The relay gives a round up after this long."""
    dead_letters_max: int = 50
    """More distinct dead letters in five minutes stop the consumer of that topic."""
    drain_s: float = 20
    """On SIGTERM the batch in hand has this long to finish."""

    @property
    def signing_key(self) -> str:
        """The newest installation key."""
        return self.key.get_secret_value().split(",")[0]
