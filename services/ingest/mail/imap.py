"""A mailbox over IMAP (RFC 3501), read and never changed; its calls block and belong in a thread."""

import contextlib
import imaplib
import re
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any

from services.ingest.mail.session import MAIL_MAX_BYTES
from shared.errors import Invalid

CONNECT_S = 10
TIMEOUT_S = 30
"""The server is silent for no longer."""
HEADER_BYTES = 64 * 1024
"""Of a mail that is too large, what is kept to tell which one it was."""
WINDOW = 20_000
"""UIDs that are asked for at once: the answer is one line, which must not be too long."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")
_QUOTED = re.compile(rb'\bBODY\[(?:HEADER)?\](?:<0>)? (?:"((?:[^"\\]|\\.)*)"|NIL)')


@dataclass(frozen=True, slots=True)
class Server:
    """Where a mailbox is and who opens it; `tls` is `tls` (from the first byte), `starttls` or `none`."""

    host: str
    port: int
    tls: str
    user: str
    password: str = field(repr=False)
    folder: str

    @property
    def name(self) -> str:
        """What tells this mailbox from another one of the same account."""
        return f"{self.user}@{self.host}:{self.port}/{self.folder}"


def server_of(options: Mapping[str, str], credentials: Sequence[str]) -> Server:
    """The mailbox that an account's options name; raises Invalid where they name none."""
    tls = options.get("imap_tls", "tls")
    port = options.get("imap_port", "993" if tls == "tls" else "143")
    user = options.get("imap_user", options.get("from", ""))
    folder = options.get("imap_folder", "INBOX")
    if tls not in ("tls", "starttls", "none"):
        raise Invalid("imap_tls is one of tls, starttls, none", reason="bad_imap_options")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise Invalid("imap_port is no port", reason="bad_imap_options")
    if not credentials or not user:
        raise Invalid("a mailbox needs imap_user and a credential, its password", reason="bad_imap_options")
    for word in (user, folder, credentials[0]):
        if not word.isascii() or not word.isprintable():
            raise Invalid("imap_user, imap_folder and the password are printable ASCII", reason="bad_imap_options")
    return Server(options["imap_host"], int(port), tls, user, credentials[0], folder)


class Failed(Exception):
    """The server said no, or nothing that can be understood, or the connection broke."""


class Rejected(Failed):
    """The server said no to one command; the connection stands."""


class _Connection(imaplib.IMAP4):
    """imaplib's, to an address that was checked, with a limit on what one answer may hold."""

    def __init__(self, server: Server, addresses: Sequence[str], context: ssl.SSLContext) -> None:
        self._addresses = addresses
        self._server = server
        self._context = context
        super().__init__(server.host, server.port, TIMEOUT_S)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        raw = _connected(self._addresses, self._server.port)
        raw.settimeout(timeout)
        if self._server.tls != "tls":
            return raw
        return self._context.wrap_socket(raw, server_hostname=self._server.host)

    def read(self, size: int) -> bytes:
        """The bytes of a literal."""
        if size > MAIL_MAX_BYTES + HEADER_BYTES:
            raise self.abort("a literal is larger than any mail that was asked for")
        return super().read(size)


class Mailbox:
    """An open mailbox."""

    def __init__(self, server: Server, addresses: Sequence[str]) -> None:
        """Connect to one of the addresses and log in; raises Failed where that does not succeed."""
        self._server = server
        context = ssl.create_default_context()
        with _failing():
            self._imap = _Connection(server, addresses, context)
        try:
            with _failing():
                if server.tls == "starttls":
                    self._imap.starttls(context)
                self._said(self._imap._simple_command("LOGIN", _quoted(server.user), _quoted(server.password)))
                self._imap.state = "AUTH"
        except BaseException:
            self.close()
            raise

    def look(self) -> tuple[int, int | None]:
        """Open the folder for reading only: its UIDVALIDITY, and the UID that the next mail will have where told."""
        with _failing():
            self._said(self._imap.select(_quoted(self._server.folder), readonly=True))
            validity, following = self._number("UIDVALIDITY"), self._number("UIDNEXT")
        if validity is None:
            raise Failed("the server tells no UIDVALIDITY")
        return validity, following

    def search(self, first: int, last: int | None, since: date | None) -> list[int]:
        """UIDs of the mails from `first` to `last` (None: to the end), in their order."""
        wanted = ["UID", f"{first}:{last or '*'}"]
        if since is not None:
            wanted += ["SINCE", f"{since.day:02}-{_MONTHS[since.month - 1]}-{since.year}"]
        found = b" ".join(part for part in self._uid("SEARCH", *wanted) if isinstance(part, bytes))
        return sorted(uid for uid in {int(word) for word in found.split() if word.isdigit()} if uid >= first)

    def sizes(self, uids: Sequence[int]) -> dict[int, int]:
        """Bytes by UID, of those that are still there."""
        lines = [part for part in self._uid("FETCH", _set(uids), "(UID RFC822.SIZE)") if isinstance(part, bytes)]
        wanted = frozenset(uids)
        told = [(_UID.search(line), _SIZE.search(line)) for line in lines]
        return {int(uid[1]): int(size[1]) for uid, size in told if uid and size and int(uid[1]) in wanted}

    def fetch(self, uids: Sequence[int]) -> dict[int, bytes]:
        """Mails by UID, of those that are still there; no flag changes."""
        return dict(_contents(self._uid("FETCH", _set(uids), "(UID BODY.PEEK[])"), uids))

    def beginning(self, uid: int) -> bytes:
        """The headers of one mail, as far as they are kept."""
        said = self._uid("FETCH", str(uid), f"(UID BODY.PEEK[HEADER]<0.{HEADER_BYTES}>)")
        return dict(_contents(said, [uid])).get(uid, b"")

    def close(self) -> None:
        """End it from any thread, whatever another one is waiting for."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._imap.sock, socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._imap.sock.close()

    def _uid(self, command: str, *arguments: str) -> list[Any]:
        with _failing():
            return self._said(self._imap.uid(command, *arguments))

    def _number(self, name: str) -> int | None:
        _, said = self._imap.response(name)
        return int(said[-1]) if said and isinstance(said[-1], bytes) and said[-1].isdigit() else None

    def _said(self, answer: tuple[str, list[Any]]) -> list[Any]:
        if answer[0] != "OK":
            raise Rejected(f"the server says {answer[0]}")
        return answer[1]


def _connected(addresses: Sequence[str], port: int) -> socket.socket:
    for address in addresses[:2]:
        with contextlib.suppress(OSError):
            return socket.create_connection((address, port), CONNECT_S)
    return socket.create_connection((addresses[-1], port), CONNECT_S)


@contextlib.contextmanager
def _failing() -> Iterator[None]:
    """What the library raises, without words of the server: they may quote a mail."""
    try:
        yield
    except Failed:
        raise
    except imaplib.IMAP4.abort as error:
        raise Failed("the connection broke") from error
    except imaplib.IMAP4.error as error:
        raise Rejected("the server says no, or what nobody understands") from error
    except (OSError, ValueError, EOFError) as error:
        raise Failed(f"the server cannot be reached: {type(error).__name__}") from error


def _contents(said: Iterable[Any], uids: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Contents by UID; the UID stands before the content or behind it, the content is a literal or in quotes."""
    for part, following in pairwise([*said, b""]):
        head, content = part if isinstance(part, tuple) else (part, None)
        if content is None and (quoted := _QUOTED.search(head or b"")):
            content = re.sub(rb"\\(.)", rb"\1", quoted[1] or b"")
        behind = following if isinstance(following, bytes) else b""
        uid = _UID.search(head or b"") or (_UID.search(behind) if isinstance(part, tuple) else None)
        if content is not None and uid and int(uid[1]) in uids:
            yield int(uid[1]), content


def _set(uids: Sequence[int]) -> str:
    """As IMAP writes them: runs as first:last."""
    runs: list[list[int]] = []
    for uid in uids:
        if runs and runs[-1][1] + 1 == uid:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in runs)


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
