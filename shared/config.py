"""What every service reads from its environment (SWITCHBOARD_KAFKA and so on), once, at the start."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from shared.errors import Invalid
from shared.tls import client_context, require_readable

PREFIX = "SWITCHBOARD_"
Security = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class ServiceConfig(BaseSettings):
    """A service's environment; a service with more to say subclasses it in its config.py.

    A value or a combination that cannot work raises Invalid, which names the variables and no secret.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )  # fmt: skip

    kafka: str = "127.0.0.1:9092"
    """Kafka's bootstrap servers, separated by commas."""
    kafka_security: Security = "PLAINTEXT"
    """How Kafka is spoken to: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL, as its listener is configured."""
    kafka_ca: Path | None = None
    """File of the authorities that sign the brokers' certificates (PEM); the system's own without it."""
    kafka_cert: Path | None = None
    """File of our certificate (PEM), for brokers that ask for one."""
    kafka_key: Path | None = None
    """File of its private key (PEM, not encrypted)."""
    kafka_mechanism: Mechanism | None = None
    """How we log in with SASL: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."""
    kafka_user: str = ""
    """Name to log in with."""
    kafka_password: SecretStr = SecretStr("")
    """Its password."""
    kafka_password_file: Path | None = None
    """File that holds the password instead; after a change the services are restarted."""
    postgres: str = Field(default="postgresql://127.0.0.1/switchboard", repr=False)
    """DSN; a service's own, such as SWITCHBOARD_POSTGRES_TICKETS, wins over it."""
    blobs: str = ".switchboard/blobs"
    """A folder, or a URL that obstore understands (s3://, gs://, az://)."""
    key: SecretStr = SecretStr("")
    """The installation's keys, newest first, separated by commas: they sign identities and seal secrets."""
    topic_prefix: str = ""
    """Stands before the name of every topic and group, where several desks share one Kafka."""
    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 in a container."""
    port: int = 0
    """Port to listen on; 0 is any free one."""
    ops_port: int = 0
    """Port that also answers /metrics and /internal, for scrapers inside the cluster; 0 is none. Not for strangers."""
    urls: dict[str, str] = Field(default_factory=dict)
    """Base URL of each service, as a JSON object."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""

    session_timeout_s: float = 10
    """A consumer that is silent for this long loses its partitions."""
    batch_target_s: float = 0.05
    """A batch's transaction should take no longer, so that API calls do not wait for row locks."""
    batch_max: int = 1000
    """Records in one transaction at most."""
    delivery_timeout_s: float = 10
    """The relay gives a round up after this long."""
    dead_letters_max: int = 50
    """More distinct dead letters in five minutes stop the consumer of that topic."""
    drain_s: float = 20
    """On SIGTERM the batch in hand has this long to finish."""

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise Invalid("; ".join(_sentence(one["loc"], one["msg"]) for one in error.errors())) from None
        except SettingsError as error:  # JSON was expected, such as in SWITCHBOARD_URLS
            raise Invalid(str(error)) from None

    @property
    def signing_key(self) -> str:
        """The newest installation key."""
        return self.key.get_secret_value().split(",")[0]

    @property
    def kafka_tls(self) -> bool:
        """Whether Kafka is spoken to over TLS."""
        return self.kafka_security in {"SSL", "SASL_SSL"}

    @property
    def kafka_sasl(self) -> bool:
        """Whether we log in to Kafka."""
        return self.kafka_security.startswith("SASL_")

    def sasl_password(self) -> str:
        """The password as it is now; raises ValueError where its file cannot be read or is empty."""
        if self.kafka_password_file is None:
            return self.kafka_password.get_secret_value()
        require_readable(self.kafka_password_file, "SWITCHBOARD_KAFKA_PASSWORD_FILE")
        password = self.kafka_password_file.read_text().strip()
        if not password:
            raise ValueError(f"SWITCHBOARD_KAFKA_PASSWORD_FILE names {self.kafka_password_file}, which is empty")
        return password

    @model_validator(mode="after")
    def _kafka_can_be_reached_so(self) -> Self:
        _check_tls(self)
        _check_sasl(self)
        return self


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    if not location:
        return message.removeprefix("Value error, ")
    return f"{PREFIX}{'_'.join(map(str, location)).upper()}: {message}"


def _check_tls(config: ServiceConfig) -> None:
    files = {
        "SWITCHBOARD_KAFKA_CA": config.kafka_ca,
        "SWITCHBOARD_KAFKA_CERT": config.kafka_cert,
        "SWITCHBOARD_KAFKA_KEY": config.kafka_key,
    }
    given = {variable: path for variable, path in files.items() if path is not None}
    if given and not config.kafka_tls:
        raise ValueError(
            f"{', '.join(given)} would not be used with SWITCHBOARD_KAFKA_SECURITY={config.kafka_security}; "
            "set it to SSL or SASL_SSL, or leave the files out"
        )
    if (config.kafka_cert is None) != (config.kafka_key is None):
        raise ValueError("SWITCHBOARD_KAFKA_CERT and SWITCHBOARD_KAFKA_KEY belong together; set both or neither")
    for variable, path in given.items():
        require_readable(path, variable)
    if config.kafka_tls:
        client_context(config.kafka_ca, config.kafka_cert, config.kafka_key)


def _check_sasl(config: ServiceConfig) -> None:
    given = {
        "SWITCHBOARD_KAFKA_MECHANISM": config.kafka_mechanism is not None,
        "SWITCHBOARD_KAFKA_USER": bool(config.kafka_user),
        "SWITCHBOARD_KAFKA_PASSWORD": bool(config.kafka_password.get_secret_value()),
        "SWITCHBOARD_KAFKA_PASSWORD_FILE": config.kafka_password_file is not None,
    }
    if not config.kafka_sasl:
        if unused := [variable for variable, there in given.items() if there]:
            raise ValueError(
                f"{', '.join(unused)} would not be used with SWITCHBOARD_KAFKA_SECURITY={config.kafka_security}; "
                "set it to SASL_SSL, or leave them out"
            )
        return
    if given["SWITCHBOARD_KAFKA_PASSWORD"] and given["SWITCHBOARD_KAFKA_PASSWORD_FILE"]:
        raise ValueError("set SWITCHBOARD_KAFKA_PASSWORD or SWITCHBOARD_KAFKA_PASSWORD_FILE, not both")
    missing = [name for name in ("SWITCHBOARD_KAFKA_MECHANISM", "SWITCHBOARD_KAFKA_USER") if not given[name]]
    if not (given["SWITCHBOARD_KAFKA_PASSWORD"] or given["SWITCHBOARD_KAFKA_PASSWORD_FILE"]):
        missing.append("SWITCHBOARD_KAFKA_PASSWORD or SWITCHBOARD_KAFKA_PASSWORD_FILE")
    if missing:
        raise ValueError(f"SWITCHBOARD_KAFKA_SECURITY={config.kafka_security} also needs {', '.join(missing)}")
    config.sasl_password()
