"""Where the customers' side listens, as `switchboard up --demo` tells it and whoever makes the demo's accounts."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
VARIABLE = "SWITCHBOARD_CUSTOMERS"


@dataclass(frozen=True, slots=True)
class Place:
    """Its ports on this machine, and the file in which it keeps what customers got."""

    web_port: int
    mail_port: int
    kept_in: Path

    @property
    def url(self) -> str:
        """What web requests begin with."""
        return f"http://{HOST}:{self.web_port}"


def told() -> Place | None:
    """The place that the environment names; None where this desk has no customers' side."""
    given = json.loads(os.environ.get(VARIABLE) or "{}")
    return Place(given["web_port"], given["mail_port"], Path(given["kept_in"])) if given else None
