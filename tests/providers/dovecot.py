"""A real IMAP server, Dovecot, where it is on the machine: one user, one Maildir, nothing outside its folder."""

import grp
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from uuid import uuid4

from tests.desk import free_port
from tests.eventually import eventually

_CONFIG = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
ssl = no
disable_plaintext_auth = no
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
first_valid_uid = 1
mail_location = maildir:{folder}/mail
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""


class Dovecot:
    """The server; `deliver` puts mails into its INBOX."""

    program = shutil.which("dovecot")

    def __init__(self, password: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self.port = free_port()
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        assert self.program is not None
        root = os.getuid() == 0  # it logs nobody in as root, and reads no mail of root's
        owner = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.getuid())
        uid, gid = owner.pw_uid, owner.pw_gid
        self.folder.chmod(0o755)
        for name in ("mail/new", "mail/cur", "mail/tmp", "home"):
            (self.folder / name).mkdir(parents=True)
        for path in (self.folder, *self.folder.rglob("*")) if root else ():
            os.chown(path, uid, gid)
        names = {"user": owner.pw_name, "group": grp.getgrgid(gid).gr_name}
        values = {**names, "uid": uid, "gid": gid, "password": self._password}
        config = self.folder / "dovecot.conf"
        config.write_text(_CONFIG.format(folder=self.folder, port=self.port, **values))
        self._process = subprocess.Popen([self.program, "-F", "-c", str(config)])  # noqa: ASYNC220

        async def listens() -> bool:
            return (self.folder / "run" / "master.pid").exists()

        await eventually(listens, what="Dovecot")

    def stop(self) -> None:
        """Stop it with its children."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def deliver(self, *mails: bytes) -> None:
        """They arrive, in this order."""
        for mail in mails:
            name = f"{len(self.mails()):06}.{uuid4().hex}"
            waiting = self.folder / "mail" / "tmp" / name
            waiting.write_bytes(mail)
            waiting.chmod(0o666)
            waiting.rename(self.folder / "mail" / "new" / name)

    def mails(self) -> list[str]:
        """Names of the files: those of seen mails have an S behind a comma."""
        return sorted(path.name for folder in ("new", "cur") for path in (self.folder / "mail" / folder).iterdir())
