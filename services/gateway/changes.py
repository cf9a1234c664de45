"""Settings as they change: one version after the other, each published in the transaction that saves it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import asyncpg

from services.gateway import documents
from services.gateway.repo import settings as repo
from services.gateway.repo.settings import Setting
from shared.bus import Context
from shared.contracts.settings import SettingChanged
from shared.errors import Forbidden, Invalid, NotFound, PreconditionFailed
from shared.identity import Identity


@dataclass(frozen=True, slots=True)
class Saving:
    """One request to change a document; `expected` holds the versions that If-Match names, None where it names none."""

    kind: str
    id: str
    who: Identity
    expected: tuple[int, ...] | None = None
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """The document after a request; `changed` is False where it was so already."""

    setting: Setting
    changed: bool
    created: bool


async def put(
    tx: asyncpg.Connection, ctx: Context, saving: Saving, raw: Mapping[str, Any], *, key: str, dry_run: bool = False
) -> Saved:
    """Save the document as its next version, unless it is as it was; a dry run checks everything and saves nothing."""
    document = documents.checked(saving.kind, raw)
    workspace = saving.who.workspace
    if saving.kind == "workspace" and saving.id != workspace:
        raise NotFound(f"the document of the workspace {workspace} has the id {workspace}; make others by POST")
    kept = await repo.lock(tx, workspace, saving.kind, saving.id)
    _require_expected(kept, saving.expected)
    there = kept is not None and not kept.deleted
    before = documents.model_of(saving.kind).model_validate(kept.document, extra="ignore") if kept and there else None
    if saving.who.role != "installation":
        _require_own_references(documents.machine_references(document) - documents.machine_references(before))
    body = documents.to_keep(document, before, key)
    if kept is not None and there and kept.document == body:
        return Saved(kept, changed=False, created=False)
    setting = Setting(
        workspace=workspace,
        kind=saving.kind,
        id=saving.id,
        version=kept.version + 1 if kept else 1,
        document=body,
        deleted=False,
        updated_by=saving.who.principal,
        updated_at=ctx.now,
    )
    if not dry_run:
        await save(tx, ctx, setting, trace=saving.trace)
    return Saved(setting, changed=True, created=not there)


async def exists(tx: asyncpg.Connection, saving: Saving) -> bool:
    """Whether there is such a document now, held against other writers until the end."""
    kept = await repo.lock(tx, saving.who.workspace, saving.kind, saving.id)
    return kept is not None and not kept.deleted


async def delete(tx: asyncpg.Connection, ctx: Context, saving: Saving) -> Setting:
    """Delete the document: a version too, which is kept and published; raises NotFound where there is none."""
    kept = await repo.lock(tx, saving.who.workspace, saving.kind, saving.id)
    if kept is None or kept.deleted:
        raise NotFound(f"there is no {saving.kind} {saving.id}")
    _require_expected(kept, saving.expected)
    setting = replace(
        kept,
        version=kept.version + 1,
        document={},
        deleted=True,
        updated_by=saving.who.principal,
        updated_at=ctx.now,
    )
    await save(tx, ctx, setting, trace=saving.trace)
    return setting


async def save(tx: asyncpg.Connection, ctx: Context, setting: Setting, *, trace: str | None = None) -> None:
    """Write the version and publish it."""
    await repo.save(tx, setting)
    publish(ctx, setting, trace=trace)


def publish(ctx: Context, setting: Setting, *, trace: str | None = None) -> None:
    """Put the version on the topic; sending it again makes the same record."""
    ctx.begin(
        SettingChanged(kind=setting.kind, document_id=setting.id, document=setting.document, deleted=setting.deleted),
        workspace=setting.workspace,
        version=setting.version,
        id=documents.event_id(setting.workspace, setting.kind, setting.id, setting.version),
        trace=trace,
    )


async def warnings(connection: asyncpg.Connection, setting: Setting) -> list[tuple[documents.Place, str]]:
    """What the document refers to that is not there; it is saved all the same, and waits for it."""
    document = documents.model_of(setting.kind).model_validate(setting.document, extra="ignore")
    found = documents.references(setting.kind, document)
    there = await repo.existing(connection, setting.workspace, [(kind, id_) for _, kind, id_ in found])
    return [
        (place, f"there is no {kind} {id_} yet; what needs it waits")
        for place, kind, id_ in found
        if (kind, id_) not in there
    ]


def _require_expected(kept: Setting | None, expected: tuple[int, ...] | None) -> None:
    if expected is None:
        return
    version = kept.version if kept is not None and not kept.deleted else None
    if version is None:
        raise PreconditionFailed("If-Match names a version, and there is no such document")
    if expected and version not in expected:
        raise PreconditionFailed(f"the document is at version {version} now; read it again and repeat the change")


def _require_own_references(new: set[tuple[str, str]]) -> None:
    """A workspace's admin must not reach into the machine that it may share with other workspaces."""
    if new:
        names = ", ".join(f"{kind} {name}" for kind, name in sorted(new))
        raise Forbidden(
            f"only the installation key may point a secret at the machine's own ({names}); give a `value` to seal, "
            "or send this with the installation key and Switchboard-Workspace",
            reason="machine_reference",
        )


def expected_versions(if_match: str | None) -> tuple[int, ...] | None:
    """The versions that If-Match names (RFC 9110 §13.1.1): None without the header, empty for `*`."""
    if if_match is None:
        return None
    if if_match.strip() == "*":
        return ()
    tags = [tag.strip() for tag in if_match.split(",")]
    versions = [tag[1:-1] for tag in tags if len(tag) > 2 and tag[0] == tag[-1] == '"']
    if len(versions) != len(tags) or not all(version.isascii() and version.isdigit() for version in versions):
        raise Invalid('If-Match takes the ETag of a document, such as "3", or *', reason="if_match")
    return tuple(int(version[:18]) for version in versions)
