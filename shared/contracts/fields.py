"""The field types of our messages; a permanent topic may carry no other string (architecture.md §4)."""

from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
"""An id that people choose: workspace, shop, account, team, agent, skill."""

Token = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.:-]{0,95}$")]
"""A word of one of our registries: a channel, a state, a reason."""

LanguageTag = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
"""BCP 47, in its usual casing: `en`, `zh-Hans`, `pt-BR`."""

Moment = AwareDatetime
"""An instant with its offset; always UTC on the wire."""

Version = Annotated[int, Field(ge=1)]
"""Counts the changes of one subject, from 1."""

__all__ = ["LanguageTag", "Moment", "Slug", "Token", "Version"]
