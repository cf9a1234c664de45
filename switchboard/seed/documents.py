"""The demo's workspace: two shops, six people in two teams, three ways to write to them."""

from collections.abc import Mapping
from typing import Any

from switchboard.seed.customers.place import Place
from switchboard.seed.ways_out import way_out

WORKSPACE = "demo"
FIRST_AGENT = "ada"

Documents = dict[str, dict[str, dict[str, Any]]]
"""Kind, id, document: what a settings file holds."""


def agent(name: str, team: str, languages: str, skills: Mapping[str, int], *shops: str) -> dict[str, Any]:
    """A person of the demo."""
    return {
        "name": name,
        "team": team,
        "languages": languages.split(),
        "skills": [{"skill": skill, "level": level} for skill, level in skills.items()],
        "shops": list(shops),
    }


AGENTS: dict[str, dict[str, Any]] = {
    "ada": agent("Ada Visser", "care", "en nl", {"orders": 4, "refunds": 3, "mail": 3}),
    "bram": agent("Bram de Wit", "care", "nl de en", {"orders": 3, "bicycles": 5}, "canal-bikes"),
    "chloe": agent("Chloé Martin", "care", "fr en", {"orders": 4, "refunds": 4, "mail": 4}),
    "diego": agent("Diego Ramos", "workshop", "es pt en", {"orders": 3, "lamps": 5, "mail": 2}),
    "ewa": agent("Ewa Kowalska", "workshop", "pl de en", {"bicycles": 4, "orders": 2, "mail": 3}),
    "fumi": agent("Fumi Tanaka", "workshop", "ja zh en", {"lamps": 4, "orders": 3, "mail": 2}),
}

CHANNELS: dict[str, dict[str, Any]] = {
    "http": {"mode": "offer", "lease_s": 20},
    "telegram": {"mode": "offer", "lease_s": 20},
    "postmark": {"mode": "offer", "lease_s": 30, "requires": [{"skill": "mail", "level": 2, "until_s": 30}]},
}

ACCOUNTS: dict[str, tuple[str, str, str]] = {
    "canal-form": ("http", "canal-bikes", "Contact form"),
    "lumen-bot": ("telegram", "lumen-lamps", "Lumen's bot"),
    "canal-mail": ("postmark", "canal-bikes", "help@canal-bikes.example"),
}
"""Channel, shop and name of each account."""


def documents(secret: str, customers: Place | None = None) -> Documents:
    """Everything the demo's workspace is made of; every account proves its requests with `secret`.

    Where there is a customers' side, every account sends its answers there.
    """
    return {
        "workspace": {
            WORKSPACE: {
                "name": "Canal & Lumen",
                "languages": ["en", "nl", "de", "fr", "es", "pt", "pl", "ja", "zh"],
                "zone": "Europe/Amsterdam",
            }
        },
        "shop": {
            "canal-bikes": {"name": "Canal Bikes", "zone": "Europe/Amsterdam"},
            "lumen-lamps": {"name": "Lumen Lamps", "zone": "Europe/Madrid"},
        },
        "team": {"care": {"name": "Customer care"}, "workshop": {"name": "Workshop"}},
        "skill": {
            "orders": {"name": "Orders and shipping"},
            "refunds": {"name": "Refunds"},
            "bicycles": {"name": "Bicycles"},
            "lamps": {"name": "Lamps"},
            "mail": {"name": "E-mail"},
        },
        "agent": dict(AGENTS),
        "routing": {
            "default": {
                "default": {"mode": "offer"},
                "channels": dict(CHANNELS),
                "excluded_s": 15,
                "away_after_misses": 5,
            }
        },
        "account": {account: _account(account, secret, customers) for account in ACCOUNTS},
    }


def _account(account: str, secret: str, customers: Place | None) -> dict[str, Any]:
    channel, shop, name = ACCOUNTS[account]
    way = way_out(channel, account, name, customers, secret) if customers is not None else {}
    return {"channel": channel, "shop": shop, "name": name, "secrets": [{"value": secret}], **way}
