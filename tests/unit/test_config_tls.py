"""What is set wrongly about TLS and log-ins is refused at the start, in a sentence that says what to set."""

import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.bus import kafka
from shared.bus.subscriptions import declare
from shared.config import ServiceConfig
from shared.db.pool import check_dsn
from shared.errors import BusUnavailable, Invalid
from tests.certificates import Authority

LOGIN = {"SECURITY": "SASL_SSL", "MECHANISM": "SCRAM-SHA-512", "USER": "desk", "PASSWORD": "very-secret"}
DSN = "postgresql://desk:very-secret@db/switchboard"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECURITY", "CA", "CERT", "KEY", "MECHANISM", "USER", "PASSWORD", "PASSWORD_FILE"):
        monkeypatch.delenv(f"SWITCHBOARD_KAFKA_{name}", raising=False)
    for name in ("PGSSLMODE", "PGSSLROOTCERT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Reads the configuration with these variables (SWITCHBOARD_KAFKA_… each)."""

    def with_variables(**variables: object) -> ServiceConfig:
        for name, value in variables.items():
            monkeypatch.setenv(f"SWITCHBOARD_KAFKA_{name}", str(value))
        return ServiceConfig()

    return with_variables


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_without_settings_kafka_is_spoken_to_in_the_clear(read: Any) -> None:
    assert kafka.security(read()) == {}
    assert kafka.broker_security(read()) is None


def test_tls_checks_certificate_and_name_and_shows_ours(read: Any, authority: Authority) -> None:
    certificate, key = authority.sign("desk")
    config = read(SECURITY="SSL", CA=authority.file, CERT=certificate, KEY=key)
    arguments = kafka.security(config)
    assert arguments["security_protocol"] == "SSL"
    assert arguments["ssl_context"].verify_mode == ssl.CERT_REQUIRED
    assert arguments["ssl_context"].check_hostname


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_consumers_log_in_like_all_other_clients(read: Any, mechanism: str) -> None:
    from faststream.kafka.security import parse_security

    config = read(**{**LOGIN, "MECHANISM": mechanism})
    plain, declared = kafka.security(config), parse_security(kafka.broker_security(config))
    assert isinstance(plain.pop("ssl_context"), ssl.SSLContext)
    assert isinstance(declared.pop("ssl_context"), ssl.SSLContext)
    assert plain == declared


def test_a_password_may_stand_in_a_file(read: Any, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from-a-file\n")
    login = {name: value for name, value in LOGIN.items() if name != "PASSWORD"}
    config = read(**login, PASSWORD_FILE=tmp_path / "password")
    assert kafka.security(config)["sasl_plain_password"] == "from-a-file"


def test_a_file_that_goes_away_later_may_come_back(read: Any, authority: Authority) -> None:
    config = read(SECURITY="SSL", CA=authority.file)
    authority.file.unlink()
    with pytest.raises(BusUnavailable, match="SWITCHBOARD_KAFKA_CA"):
        kafka.security(config)


def test_consumers_begin_with_any_of_the_brokers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_KAFKA", "kafka-1:9092,kafka-2:9092")
    broker, _ = declare(ServiceConfig(), "tickets", {})
    assert broker.specification.url == ["kafka-1:9092", "kafka-2:9092"]


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"SECURITY": "TLS"}, "SWITCHBOARD_KAFKA_SECURITY: Input should be 'PLAINTEXT', 'SSL'"),
        (
            {"SECURITY": "SASL_SSL"},
            "also needs SWITCHBOARD_KAFKA_MECHANISM, SWITCHBOARD_KAFKA_USER, SWITCHBOARD_KAFKA_",
        ),
        ({**LOGIN, "MECHANISM": "GSSAPI"}, "SWITCHBOARD_KAFKA_MECHANISM: Input should be"),
        ({**LOGIN, "PASSWORD_FILE": "/nowhere"}, "not both"),
        ({**LOGIN, "SECURITY": "SSL"}, "would not be used with SWITCHBOARD_KAFKA_SECURITY=SSL"),
        ({"USER": "desk"}, "SWITCHBOARD_KAFKA_USER would not be used with SWITCHBOARD_KAFKA_SECURITY=PLAINTEXT"),
        ({"CA": "/nowhere"}, "SWITCHBOARD_KAFKA_CA would not be used"),
        ({"SECURITY": "SSL", "CA": "/nowhere"}, "SWITCHBOARD_KAFKA_CA names /nowhere, which cannot be read"),
        ({"SECURITY": "SSL", "CERT": "/nowhere"}, "SWITCHBOARD_KAFKA_CERT and SWITCHBOARD_KAFKA_KEY belong together"),
        ({"SECURITY": "SSL", "CA": __file__}, "which holds no certificate in PEM form"),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_set(read: Any, variables: dict[str, str], told: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(**variables)
    assert told in str(refused.value)
    assert "very-secret" not in str(refused.value)


def test_a_key_of_another_certificate_is_refused(read: Any, authority: Authority) -> None:
    certificate, _ = authority.sign("desk")
    _, key = authority.sign("other")
    with pytest.raises(Invalid, match="are not a certificate and its key"):
        read(SECURITY="SSL", CERT=certificate, KEY=key)


def test_an_empty_password_file_is_refused(read: Any, tmp_path: Path) -> None:
    (tmp_path / "password").touch()
    login = {name: value for name, value in LOGIN.items() if name != "PASSWORD"}
    with pytest.raises(Invalid, match="which is empty"):
        read(**login, PASSWORD_FILE=tmp_path / "password")


def test_no_secret_shows_when_the_configuration_is_printed(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_POSTGRES", DSN)
    monkeypatch.setenv("SWITCHBOARD_KEY", "very-secret")
    config = read(**LOGIN)
    assert "very-secret" not in f"{config!r} {config}"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("sslmode=strict", "sslmode=strict is not known"),
        ("sslmode=verify-full", "needs sslrootcert"),
        ("sslmode=verify-full&sslrootcert=/nowhere", "sslrootcert names /nowhere, which cannot be read"),
        (f"sslrootcert={__file__}", "would not be used with sslmode=prefer; set sslmode=verify-full"),
        (f"sslmode=require&sslcert={__file__}", "sslcert and sslkey belong together"),
    ],
)
def test_a_database_address_whose_tls_cannot_work_is_refused(query: str, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_dsn(f"{DSN}?{query}")
    assert told in str(refused.value)
    assert "very-secret" not in str(refused.value)


@pytest.mark.parametrize("query", ["", "?sslmode=require", f"?sslmode=verify-full&sslrootcert={__file__}"])
def test_a_database_address_whose_tls_can_work_is_taken(query: str) -> None:
    check_dsn(DSN + query)


def test_a_service_that_is_told_wrongly_ends_with_one_line(tmp_path: Path) -> None:
    told = {"SWITCHBOARD_KAFKA_SECURITY": "SASL_SSL", "SWITCHBOARD_KAFKA_PASSWORD": "very-secret", "PATH": "/usr/bin"}
    ended = subprocess.run(
        [sys.executable, "-m", "services.metrics"],
        check=False, cwd=Path(__file__).parents[2], env=told, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stderr.startswith("metrics: SWITCHBOARD_KAFKA_SECURITY=SASL_SSL also needs")
    assert ended.stderr.count("\n") == 1
    assert "very-secret" not in ended.stderr
