"""The bodies that the gateway's own API takes and gives."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.gateway.documents import shown
from services.gateway.keys import LABEL_MAX, Key
from services.gateway.repo.settings import Setting
from shared.contracts.fields import Slug
from shared.contracts.settings import Workspace
from shared.http import FieldProblem
from shared.identity import Identity, Role


class SettingView(BaseModel):
    """A settings document in its newest version; its ETag is the version."""

    workspace: str
    kind: str
    id: str
    version: int
    updated_by: str
    updated_at: datetime
    document: dict[str, Any]
    """As its kind's schema says; sealed secrets are hidden behind a mark, which may be sent back to keep them."""

    @staticmethod
    def of(setting: Setting) -> "SettingView":
        """As it may be shown."""
        return SettingView(**_facts(setting))


class SavedView(SettingView):
    """A document after a request to change it."""

    changed: bool
    """False where it was so already; the version is then the same."""
    warnings: list[FieldProblem]
    """What it refers to that is not there yet."""


class SettingPage(BaseModel):
    """Documents in the order of their ids; `next` is the cursor of the next page, null at the end."""

    items: list[SettingView]
    next: str | None


class KindView(BaseModel):
    """A kind of settings and the JSON Schema (2020-12) of its documents."""

    kind: str
    description: str
    document_schema: dict[str, Any]


class KindList(BaseModel):
    """Every kind there is."""

    items: list[KindView]


class NewWorkspace(Workspace):
    """A workspace to make: its id and its document."""

    id: Slug


class NewKey(BaseModel):
    """An API key to make."""

    model_config = ConfigDict(extra="forbid")

    role: Role
    agent: Slug | None = None
    """Who calls: needed by the role agent, possible for lead and admin."""
    shops: Annotated[tuple[Slug, ...], Field(max_length=200)] = ()
    """The only shops it may see; empty: all."""
    label: Annotated[str, Field(max_length=LABEL_MAX)] = ""


class KeyView(BaseModel):
    """An API key without its secret."""

    id: str
    workspace: str | None
    role: Role
    agent: str | None
    shops: list[str]
    label: str
    created_at: datetime
    last_used: datetime | None

    @staticmethod
    def of(key: Key) -> "KeyView":
        """As it may be shown."""
        return KeyView(**_key_facts(key))


class MadeKey(KeyView):
    """A new API key: the only time that it is shown."""

    key: str

    @staticmethod
    def made(key: Key, text: str) -> "MadeKey":
        """With its secret."""
        return MadeKey(**_key_facts(key), key=text)


class KeyPage(BaseModel):
    """API keys in force in the order of their ids; `next` is the cursor of the next page, null at the end."""

    items: list[KeyView]
    next: str | None


class Whoami(BaseModel):
    """What a key stands for; `workspace` is null for an installation key that chose none."""

    principal: str
    role: Literal["installation", "admin", "lead", "agent", "integrator"]
    workspace: str | None
    shops: list[str]
    agent: str | None

    @staticmethod
    def of(who: Identity) -> "Whoami":
        """From the identity."""
        return Whoami(
            principal=who.principal,
            role=who.role,
            workspace=who.workspace or None,
            shops=list(who.shops),
            agent=who.agent,
        )


def _facts(setting: Setting) -> dict[str, Any]:
    return {
        "workspace": setting.workspace,
        "kind": setting.kind,
        "id": setting.id,
        "version": setting.version,
        "updated_by": setting.updated_by,
        "updated_at": setting.updated_at,
        "document": shown(setting.kind, setting.document),
    }


def saved_view(setting: Setting, *, changed: bool, warnings: list[FieldProblem]) -> SavedView:
    """The answer to a change."""
    return SavedView(**_facts(setting), changed=changed, warnings=warnings)


def _key_facts(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "workspace": key.workspace,
        "role": key.role,
        "agent": key.agent,
        "shops": list(key.shops),
        "label": key.label,
        "created_at": key.created_at,
        "last_used": key.last_used,
    }
