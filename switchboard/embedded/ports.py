"""Ports on the loopback interface: which are free, and who holds one that is not."""

import random
import socket
from pathlib import Path

import psutil

from shared.errors import Conflict

HOST = "127.0.0.1"
# Below Linux's ephemeral range (32768–60999), so that no outgoing connection takes a port while its server restarts.
_CANDIDATES = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port nobody listens on."""
    for _ in range(200):
        port = random.choice(_CANDIDATES)  # noqa: S311 - not a secret
        if is_free(port):
            return port
    raise Conflict(
        f"no free port found on {HOST} between {_CANDIDATES.start} and {_CANDIDATES.stop}", reason="no_free_port"
    )


def holder(port: int) -> str:
    """Who listens on the port, in words, as far as we may know."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                if connection.pid is None:
                    break
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except (psutil.Error, PermissionError):
        pass
    return "another process"


def require_free(port: int, purpose: str) -> None:
    """Refuse with the port's number and holder where something listens already."""
    if not is_free(port):
        raise Conflict(
            f"port {port} on {HOST}, needed for {purpose}, is in use by {holder(port)}; stop it or choose another port",
            reason="port_in_use",
        )


def remembered_port(file: Path, wanted: int | None) -> int:
    """The wanted port, else the one this folder used before, else a free one; kept in `file` for the next start."""
    known = int(file.read_text()) if file.exists() else None
    port = wanted or known or free_port()
    if port != known:
        file.write_text(f"{port}\n")
    return port
