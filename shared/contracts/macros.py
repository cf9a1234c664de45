"""Macros: what everybody at the desk says in the same words, in each language, and what is done with it."""

from typing import Annotated

from pydantic import Field, model_validator

from shared.contracts.actions import MacroAction, Template
from shared.contracts.document import Document, Name
from shared.contracts.fields import LanguageTag, Slug


class Macro(Document):
    """A saved answer in one or more languages, with variables, and actions beside it."""

    name: Name
    texts: Annotated[dict[LanguageTag, Template], Field(max_length=50)] = Field(default_factory=dict)
    """Plain text by language; the ticket's language chooses, then its fallbacks (docs/macros.md)."""
    default: LanguageTag | None = None
    """The language of `texts` for customers whose own is not among them; the first one where nothing is said."""
    shops: Annotated[tuple[Slug, ...], Field(max_length=100)] = ()
    """Shops it is for; empty: all."""
    actions: Annotated[tuple[MacroAction, ...], Field(max_length=20)] = ()
    enabled: bool = True

    @model_validator(mode="after")
    def _says_or_does(self) -> "Macro":
        if not self.texts and not self.actions:
            raise ValueError("a macro says something or does something; give texts, actions or both")
        if self.default is not None and self.default not in self.texts:
            raise ValueError(f"default is {self.default}, which is not among texts: {', '.join(self.texts) or 'none'}")
        return self
