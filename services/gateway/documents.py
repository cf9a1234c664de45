"""Settings documents: what may be saved, how their secrets are sealed and hidden, and what they refer to."""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any
from uuid import UUID, uuid5

from pydantic import BaseModel

from shared import checking
from shared.contracts.actions import Answer, Notify
from shared.contracts.conditions import AccountIs, All, AnyOf, Assigned, NoneOf, ShopIs, members
from shared.contracts.document import Document
from shared.contracts.macros import Macro
from shared.contracts.rules import Rule
from shared.contracts.settings import KINDS, Account, Agent, Routing, Secret, Shop, SkillStep
from shared.contracts.sla_settings import Promise, SlaPolicy
from shared.errors import Invalid, NotFound, SwitchboardError
from shared.http import pointer
from shared.ids import NAMESPACE
from shared.secrets import OURS, open_secret, seal

Place = tuple[int | str, ...]
HIDDEN = "…"
"""What a shown secret begins with; no sealed token does."""


def model_of(kind: str) -> type[Document]:
    """The kind's model; raises NotFound with the kinds that there are."""
    model = KINDS.get(kind)
    if model is None:
        raise NotFound(f"there is no kind of settings called {kind}; there are: {', '.join(KINDS)}")
    return model


def checked(kind: str, raw: Mapping[str, Any]) -> Document:
    """The document as its kind's model; raises Invalid with every field that is wrong."""
    return checking.checked(model_of(kind), kind, raw)


def plain(document: Document) -> dict[str, Any]:
    """The document as JSON with every default written out: a later default changes nothing that was saved."""
    return document.model_dump(mode="json", exclude_none=True)


def event_id(workspace: str, kind: str, id_: str, version: int) -> UUID:
    """The id of the record that carries this version."""
    return uuid5(NAMESPACE, "\x1f".join(("setting", workspace, kind, id_, str(version))))


def secrets_in(value: Any, place: Place = ()) -> Iterator[tuple[Place, Secret]]:
    """Every secret of a document and where it stands."""
    if isinstance(value, Secret):
        yield place, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_in(getattr(value, name), (*place, name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from secrets_in(item, (*place, name))
    elif isinstance(value, tuple | list):
        for index, item in enumerate(value):
            yield from secrets_in(item, (*place, index))


def to_keep(document: Document, kept: Document | None, key: str) -> dict[str, Any]:
    """The document with each secret as it may be stored.

    A new value is sealed, unless one that is kept already opens to it; a hidden one stands for the kept one of that
    mark. Raises Invalid where a hidden or sealed one is none of ours, and where a variable is not an account's to name.
    """
    held = [secret for _, secret in secrets_in(kept)] if kept is not None else []
    result, problems = plain(document), []
    for place, secret in secrets_in(document):
        try:
            _put(result, place, plain(_storable(secret, held, key)))
        except SwitchboardError as error:
            problems.append({"pointer": pointer(place), "detail": str(error)})
    if problems:
        raise Invalid("a secret cannot be kept; see errors", fields=problems)
    return result


def _storable(secret: Secret, held: list[Secret], key: str) -> Secret:
    if secret.sealed is not None and secret.sealed.startswith(HIDDEN):
        return _behind(secret.sealed, held)
    if secret.value is not None:
        return next((one for one in held if _opens_to(one, secret.value, key)), None) or seal(secret.value, key)
    if secret.sealed is not None:
        open_secret(secret, key)
    if secret.env is not None and secret.env.startswith(OURS):
        raise Invalid(f"the variable {secret.env} belongs to Switchboard itself; choose another name")
    return secret


def _behind(shown: str, held: list[Secret]) -> Secret:
    for secret in held:
        if secret.sealed is not None and _mark(secret.sealed) == shown:
            return secret
    raise Invalid("this stands for a secret that is not kept here any more; give its value anew")


def _opens_to(secret: Secret, value: str, key: str) -> bool:
    try:
        return secret.sealed is not None and hmac.compare_digest(open_secret(secret, key).encode(), value.encode())
    except SwitchboardError:
        return False  # sealed with a key that was taken away: the value is sealed anew


def _mark(token: str) -> str:
    """Tells two sealed secrets apart without telling anything about them."""
    return HIDDEN + hashlib.sha256(token.encode()).hexdigest()[:12]


def shown(kind: str, kept: Mapping[str, Any]) -> dict[str, Any]:
    """The document as it may be shown: sealed secrets hidden behind a mark."""
    result = deepcopy(dict(kept))
    model = KINDS.get(kind)
    for place, secret in secrets_in(model.model_validate(kept, extra="ignore")) if model else ():
        if secret.sealed is not None:
            _put(result, place, {"sealed": _mark(secret.sealed)})
    return result


def _put(document: dict[str, Any], place: Place, value: Any) -> None:
    target: Any = document
    for step in place[:-1]:
        target = target[step]
    target[place[-1]] = value


def machine_references(document: Document | None) -> set[tuple[str, str]]:
    """The variables and files of the machine that a document reads."""
    found = secrets_in(document) if document is not None else ()
    pairs = [("env", secret.env) if secret.env else ("file", secret.file) for _, secret in found]
    return {(name, value) for name, value in pairs if value}


Reference = tuple[Place, str, str]
"""Where it stands, and the kind and id that it names."""


def _of_account(document: Account) -> Iterator[Reference]:
    yield ("shop",), "shop", document.shop


def _of_shop(document: Shop) -> Iterator[Reference]:
    if document.calendar is not None:
        yield ("calendar",), "calendar", document.calendar


def _of_agent(document: Agent) -> Iterator[Reference]:
    if document.team is not None:
        yield ("team",), "team", document.team
    for index, skill in enumerate(document.skills):
        yield ("skills", index, "skill"), "skill", skill.skill
    for index, shop in enumerate(document.shops):
        yield ("shops", index), "shop", shop


def _of_steps(steps: tuple[SkillStep, ...], place: Place) -> Iterator[Reference]:
    for index, step in enumerate(steps):
        yield (*place, "requires", index, "skill"), "skill", step.skill


def _of_routing(document: Routing) -> Iterator[Reference]:
    yield from _of_steps(document.default.requires, ("default",))
    for channel, routing in document.channels.items():
        yield from _of_steps(routing.requires, ("channels", channel))


def _of_sla(document: SlaPolicy) -> Iterator[Reference]:
    if document.calendar is not None:
        yield ("calendar",), "calendar", document.calendar
    yield from _of_shops(document.when.shops, ("when", "shops"))
    for index, team in enumerate(document.when.teams):
        yield ("when", "teams", index), "team", team


def _of_promise(document: Promise) -> Iterator[Reference]:
    yield from _of_shops(document.shops, ("shops",))


def _of_shops(shops: tuple[str, ...], place: Place) -> Iterator[Reference]:
    for index, shop in enumerate(shops):
        yield (*place, index), "shop", shop


def _of_macro(document: Macro) -> Iterator[Reference]:
    yield from _of_shops(document.shops, ("shops",))


def _of_rule(document: Rule) -> Iterator[Reference]:
    yield from _of_shops(document.shops, ("shops",))
    if document.conditions is not None:
        yield from _of_condition(document.conditions, ("conditions",))
    for index, action in enumerate(document.actions):
        if isinstance(action, Answer):
            yield ("actions", index, "macro"), "macro", action.macro
        if isinstance(action, Notify):
            for number, agent in enumerate(action.agents):
                yield ("actions", index, "agents", number), "agent", agent


def _of_condition(condition: Any, place: Place) -> Iterator[Reference]:
    if isinstance(condition, All | AnyOf | NoneOf):
        group = next(iter(type(condition).model_fields))
        for index, one in enumerate(members(condition)):
            yield from _of_condition(one, (*place, group, index))
    kind = {AccountIs: "account", ShopIs: "shop", Assigned: "agent"}.get(type(condition))
    if kind is not None:
        for index, named in enumerate(condition.any_of):
            yield (*place, "any_of", index), kind, named


_REFERENCES: dict[str, Callable[[Any], Iterator[Reference]]] = {
    "account": _of_account,
    "shop": _of_shop,
    "agent": _of_agent,
    "routing": _of_routing,
    "sla": _of_sla,
    "promise": _of_promise,
    "macro": _of_macro,
    "rule": _of_rule,
}


def references(kind: str, document: Document) -> list[Reference]:
    """What the document refers to; what is not there yet waits (architecture.md §3)."""
    find = _REFERENCES.get(kind)
    return list(find(document)) if find else []
