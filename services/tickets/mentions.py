"""Who is named in a note: `@slug` of an agent or of a team, as the workspace has them."""

import re
from collections.abc import Iterable

from shared.bus import SettingsReader
from shared.contracts.settings import Agent

MOST = 50
"""Of one note; who wants to reach more should use a team."""
_NAMED = re.compile(r"(?<![\w@./-])@([a-z0-9][a-z0-9_-]{0,62})", re.IGNORECASE)


def mentioned(text: str, settings: SettingsReader, workspace: str) -> tuple[str, ...]:
    """The agents and teams that are named, each once in their order; what is neither is a word like any other."""
    agents, teams = settings.all("agent", workspace), settings.all("team", workspace)
    named = dict.fromkeys(found.lower() for found in _NAMED.findall(text))
    return tuple(slug for slug in named if slug in agents or slug in teams)[:MOST]


def readers(slugs: Iterable[str], settings: SettingsReader, workspace: str, by: str | None) -> dict[str, str | None]:
    """The agents whom that calls, with the team that they were named by, where not by name; a team leaves `by` out."""
    agents = settings.all("agent", workspace)
    found: dict[str, str | None] = {}
    for slug in slugs:
        if slug in agents:
            found[slug] = None
            continue
        members = [id_ for id_, one in agents.items() if isinstance(one, Agent) and one.team == slug and one.enabled]
        for agent in sorted(members):
            if agent != by:
                found.setdefault(agent, slug)
    return found
