"""The terms a cycle begins under: the policy that fits it and its calendar, as the settings have them at that moment.

They are written down with the first cycle that is under them, so that a later version changes nothing that has begun.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid5

import asyncpg

from services.tickets import opening_hours
from services.tickets.domain import sla
from services.tickets.domain.sla import Case, terms_of
from services.tickets.domain.stopwatch import Terms
from services.tickets.repo import clocks
from services.tickets.repo.clocks import Key, Written
from shared.bus.settings import SettingsReader
from shared.contracts import settings
from shared.contracts.sla_settings import SlaPolicy
from shared.ids import NAMESPACE

MOST_KEPT = 2_000

_kept: OrderedDict[Key, Terms] = OrderedDict()
"""Terms by workspace and id; what an id stands for never changes."""
_written: OrderedDict[Key, Written] = OrderedDict()
"""Those that were valid of late, as they are written down."""


def policies(reader: SettingsReader, workspace: str) -> dict[str, SlaPolicy]:
    """The workspace's policies as they are now."""
    return {id_: one for id_, one in reader.all("sla", workspace).items() if isinstance(one, SlaPolicy)}


def now(reader: SettingsReader, workspace: str, case: Case) -> tuple[UUID, Written] | None:
    """The terms for a cycle that begins now, and how they are written; None: no policy, and every hour counts."""
    found = policies(reader, workspace)
    policy_id = sla.choose(found, case)
    policy = found[policy_id] if policy_id is not None else None
    version = reader.version("sla", workspace, policy_id) if policy_id is not None else None
    if policy is not None and policy.calendar is not None:
        hours = opening_hours.named(reader, workspace, policy.calendar)
    else:
        hours = opening_hours.of_shop(reader, workspace, case.shop)
    if policy is None and hours is None:
        return None
    name, opening_version = (hours.name, hours.version) if hours is not None else (None, None)
    id_ = uuid5(NAMESPACE, f"terms\x1f{workspace}\x1f{policy_id}\x1f{version}\x1f{name}\x1f{opening_version}")
    if (workspace, id_) not in _written:
        opening = reader.get("calendar", workspace, name) if name is not None else None
        documents = {
            kind: one.model_dump(mode="json") for kind, one in (("policy", policy), ("calendar", opening)) if one
        }
        _written[workspace, id_] = Written(policy_id, version, name, opening_version, documents)
        _bound(_written)
    _keep((workspace, id_), _written[workspace, id_])
    return id_, _written[workspace, id_]


async def known(tx: asyncpg.Connection, workspace: str, ids: Iterable[UUID]) -> Mapping[UUID, Terms]:
    """These terms; what this process has not met is read."""
    wanted = {(workspace, id_) for id_ in ids}
    missing = wanted - _kept.keys()
    if missing:
        for key, written in (await clocks.terms(tx, missing)).items():
            _keep(key, written)
    return {key[1]: _kept[key] for key in wanted if key in _kept}


def _keep(key: Key, written: Written) -> None:
    if key in _kept:
        return
    policy, hours = written.documents.get("policy"), written.documents.get("calendar")
    opening = None
    if hours is not None and written.calendar is not None:
        document = settings.Calendar.model_validate(hours)
        opening = opening_hours.calendar(key[0], written.calendar, written.calendar_version or 0, document)
    _kept[key] = terms_of(
        SlaPolicy.model_validate(policy) if policy is not None else None,
        opening,
        id=key[1],
        policy_id=written.policy,
        policy_version=written.policy_version,
        calendar_id=written.calendar,
        calendar_version=written.calendar_version,
    )
    _bound(_kept)


def _bound(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > MOST_KEPT:
        kept.popitem(last=False)
