"""What applying a file would change: found by asking the gateway, shown as a diff, done in an order that works."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import yaml
from rich.text import Text

from shared.contracts.settings import KINDS
from shared.errors import Invalid, SwitchboardError
from switchboard.desk_api import DeskApi
from switchboard.settings_file import Wanted

ORDER = (
    "workspace", "calendar", "shop", "skill", "team", "agent", "routing", "sla", "promise", "macro", "rule", "account",
)  # fmt: skip
"""What others refer to comes first; accounts, which let messages in, once everybody is there to answer them."""
NEVER_PRUNED = ("workspace",)

Action = Literal["create", "update", "delete", "same"]
_SIGNS: dict[Action, tuple[str, str]] = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "delete": ("-", "red"),
    "same": ("=", "dim"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One document: as it is kept, as it would be, both with secrets hidden; `version` is that of the kept one."""

    kind: str
    id: str
    action: Action
    version: int = 0
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    wanted: Wanted | None = None


def place(kind: str) -> int:
    """Where a kind comes in the order of applying; kinds that are not named come last."""
    return ORDER.index(kind) if kind in ORDER else len(ORDER)


def plan(api: DeskApi, wanted: Sequence[Wanted], *, prune: bool) -> list[Change]:
    """Every change that makes the workspace like the file, in the order of applying; deletions last, backwards.

    Each document goes to the gateway as a dry run, so that its whole validation is behind the plan. Raises Invalid with
    all that is refused.
    """
    kept = {kind: {item["id"]: item for item in api.pages(f"/v1/settings/{kind}")} for kind in KINDS}
    problems: list[dict[str, str]] = []
    changes = []
    for one in sorted(wanted, key=lambda one: (place(one.kind), one.id)):
        try:
            changes.append(_change(api, one, kept[one.kind].get(one.id)))
        except SwitchboardError as error:
            problems += _problems(one, error)
    if problems:
        raise Invalid("the gateway refuses this", fields=problems)
    return changes + (list(_prunings(kept, wanted)) if prune else [])


def _change(api: DeskApi, one: Wanted, kept: dict[str, Any] | None) -> Change:
    answer = api.ask("PUT", f"/v1/settings/{one.kind}/{one.id}", json=one.document, params={"dry_run": "true"})
    action: Action = "create" if kept is None else "update" if answer["changed"] else "same"
    return Change(
        kind=one.kind,
        id=one.id,
        action=action,
        version=kept["version"] if kept else 0,
        before=kept["document"] if kept else None,
        after=answer["document"],
        warnings=tuple(f"{warning['pointer']}: {warning['detail']}" for warning in answer["warnings"]),
        wanted=one,
    )


def _problems(one: Wanted, error: SwitchboardError) -> list[dict[str, str]]:
    where = f"line {one.line}: {one.kind} {one.id}"
    if not error.fields:
        return [{"pointer": where, "detail": str(error)}]
    return [{"pointer": f"{where}, {field['pointer']}", "detail": field["detail"]} for field in error.fields]


def _prunings(kept: dict[str, dict[str, Any]], wanted: Sequence[Wanted]) -> Iterator[Change]:
    named = {(one.kind, one.id) for one in wanted}
    for kind in sorted(kept, key=place, reverse=True):
        if kind in NEVER_PRUNED:
            continue
        for id_, item in sorted(kept[kind].items()):
            if (kind, id_) not in named:
                yield Change(kind, id_, "delete", version=item["version"], before=item["document"])


def unresolved(changes: Iterable[Change]) -> list[tuple[Change, str]]:
    """Warnings that stay once everything is applied: a reference to what the same file brings is none."""
    applied = list(changes)
    coming = {f"there is no {change.kind} {change.id} yet" for change in applied if change.action == "create"}
    return [
        (change, warning)
        for change in applied
        for warning in change.warnings
        if not any(warning.partition(": ")[2].startswith(start + ";") for start in coming)
    ]


def shown(change: Change) -> Text:
    """The change as a coloured diff of YAML."""
    sign, colour = _SIGNS[change.action]
    text = Text(f"{sign} {change.kind} {change.id}", style=colour)
    if change.action == "same":
        return text
    if change.version:
        text.append(f"  (version {change.version})", style="dim")
    for line in list(difflib.unified_diff(_lines(change.before), _lines(change.after), lineterm="", n=2))[2:]:
        if line.startswith("@@"):
            continue
        style = {"+": "green", "-": "red"}.get(line[0], "dim")
        text.append(f"\n    {line}", style=style)
    return text


def _lines(document: dict[str, Any] | None) -> list[str]:
    if document is None:
        return []
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=True, default_flow_style=False).splitlines()
