"""What customers got and wrote back, a line of JSON each, for the person who plays: `tail -f` shows it."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

LINES_KEPT = 1000
"""So many are left when it starts again."""


class Kept:
    """The file; a message that comes again under the same key is known, also after a restart."""

    def __init__(self, file: Path) -> None:
        self._file = file
        lines = file.read_text().splitlines()[-LINES_KEPT:] if file.exists() else []
        self._keys = {key for line in lines if (key := _key(line))}
        temporary = file.with_name(f".{file.name}.{os.getpid()}")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.writelines(f"{line}\n" for line in lines)
        temporary.replace(file)

    def got(self, account: str, customer: str, text: str, key: str) -> bool:
        """A customer has this answer; False where he had it before."""
        if key in self._keys:
            return False
        self._keys.add(key)
        self._add(account=account, customer=customer, got=text, key=key)
        return True

    def wrote(self, account: str, customer: str, text: str) -> None:
        """A customer wrote back."""
        self._add(account=account, customer=customer, wrote=text)

    def _add(self, **said: str) -> None:
        line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds"), **said}, ensure_ascii=False)
        with self._file.open("a") as out:
            out.write(f"{line}\n")


def _key(line: str) -> str:
    """The key of a line; none where the line was cut off in the middle."""
    try:
        return str(json.loads(line).get("key") or "")
    except ValueError:
        return ""
