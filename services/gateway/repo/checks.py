"""What must hold in the gateway's tables, for `switchboard verify`."""

import asyncpg
import orjson
from pydantic import ValidationError

from services.gateway.documents import secrets_in
from shared.contracts.settings import KINDS
from shared.verify import Violation

_NOT_ON_TOP = """
    select s.workspace, s.kind, s.id, s.version, top.version as newest
    from settings s
    left join lateral (
        select h.version, h.document, h.deleted from settings_history h
        where (h.workspace, h.kind, h.id) = (s.workspace, s.kind, s.id) order by h.version desc limit 1
    ) top on true
    where (top.version, top.document, top.deleted) is distinct from (s.version, s.document, s.deleted)
"""

_GAPS = """
    select workspace, kind, id, version, before from (
        select *, coalesce(lag(version) over (partition by workspace, kind, id order by version), 0) as before
        from settings_history
    ) h
    where version <> before + 1 and not recovered
"""

_ORPHANS = """
    select h.workspace, h.kind, h.id from settings_history h
    where not exists (select 1 from settings s where (s.workspace, s.kind, s.id) = (h.workspace, h.kind, h.id))
    group by h.workspace, h.kind, h.id
"""


async def check_settings(connection: asyncpg.Connection) -> list[Violation]:
    """Versions count on without gaps, the table is the history's top, documents are valid, secrets are sealed."""
    found = [
        _violation(
            "a document is the newest version of its history",
            row,
            f"version {row['version']} in the table, {row['newest']} in the history",
        )
        for row in await connection.fetch(_NOT_ON_TOP)
    ]
    found += [
        _violation("versions count on without gaps", row, f"version {row['version']} follows {row['before']}")
        for row in await connection.fetch(_GAPS)
    ]
    found += [
        _violation("a history belongs to a document", row, "the document is not in the table")
        for row in await connection.fetch(_ORPHANS)
    ]
    for row in await connection.fetch("select workspace, kind, id, document from settings where not deleted"):
        found += _wrong_document(row)
    return found


def _wrong_document(row: asyncpg.Record) -> list[Violation]:
    model = KINDS.get(row["kind"])
    if model is None:
        return [_violation("a document is of a known kind", row, f"there is no kind {row['kind']}")]
    try:
        document = model.model_validate(orjson.loads(row["document"]))
    except ValidationError as error:
        fields = ", ".join("/".join(map(str, one["loc"])) for one in error.errors(include_input=False))
        return [_violation("a document is valid for its kind", row, f"wrong: {fields}")]
    open_ones = [place for place, secret in secrets_in(document) if secret.value is not None]
    return [_violation("secrets are sealed", row, "/".join(map(str, place))) for place in open_ones]


def _violation(invariant: str, row: asyncpg.Record, detail: str) -> Violation:
    return Violation("gateway", invariant, f"{row['workspace']}/{row['kind']}/{row['id']}", detail)
