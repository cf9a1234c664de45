"""Settings as a file: kinds, ids and documents in YAML or JSON, each mistake told with its line.

    shop:
      north: {name: North, zone: Europe/Amsterdam}
    agent:
      ada:
        name: Ada
        languages: [en, nl]
        shops: [north]

A file may hold several such documents, separated by `---`. Plain scalars are read as YAML 1.2 reads them, so that the
language `no` is a word and the order number 0123 keeps its zero.
"""

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from shared.contracts.settings import KINDS
from shared.errors import Invalid, NotFound

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_ID_RULE = "an id is 1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit"
_MAX_DEPTH = 30

Path_ = tuple[int | str, ...]
Lines = dict[Path_, int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One document of a file and the line it stands on."""

    kind: str
    id: str
    document: dict[str, Any]
    line: int


class _Loader(yaml.SafeLoader):
    """YAML with the plain scalars of its version 1.2 (core schema): true, false, decimal numbers, null."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in known if tag.rpartition(":")[2] not in ("bool", "int", "timestamp")]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$", re.I), list("tTfF"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))


def read(path: Path) -> list[Wanted]:
    """The file's documents in its order; raises Invalid with a line for everything that is wrong in it."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path} cannot be read: {error}") from error
    wanted, problems = parse(text)
    if problems:
        raise Invalid(f"{path} is not valid", fields=problems)
    return wanted


def parse(text: str) -> tuple[list[Wanted], list[dict[str, str]]]:
    """The documents of a text, and what is wrong in it: place and reason, with the line."""
    found: dict[tuple[str, str], Wanted] = {}
    problems: list[dict[str, str]] = []
    try:
        for value, lines in _composed(text, problems):
            for one in _documents(value, lines, problems):
                if (one.kind, one.id) in found:
                    problems.append(_problem(one.line, f"{one.kind} {one.id}", "stands in the file twice"))
                found[one.kind, one.id] = one
    except yaml.YAMLError as error:
        problems.append(_yaml_problem(error))
    except RecursionError:
        problems.append(_problem(1, "the file", f"is nested deeper than {_MAX_DEPTH} levels"))
    return list(found.values()), problems


def _composed(text: str, problems: list[dict[str, str]]) -> Iterator[tuple[Any, Lines]]:
    loader = _Loader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            assert node is not None, "check_node says that there is one"
            lines: Lines = {}
            _walk(node, (), lines, problems)
            yield loader.construct_document(node), lines
    finally:
        loader.dispose()


def _walk(node: yaml.Node, place: Path_, lines: Lines, problems: list[dict[str, str]]) -> None:
    """Note the line of everything, and keys that stand twice, of which YAML would keep only the last."""
    if len(place) > _MAX_DEPTH:
        raise RecursionError
    lines[place] = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*place, index), lines, problems)
    elif isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, item in node.value:
            inner = (*place, str(key.value))
            if key.value in seen:
                problems.append(_problem(key.start_mark.line + 1, _name(inner), "stands here twice"))
            seen.add(key.value)
            _walk(item, inner, lines, problems)
            lines[inner] = key.start_mark.line + 1


def _documents(value: Any, lines: Lines, problems: list[dict[str, str]]) -> Iterator[Wanted]:
    if value is None:
        return
    if not isinstance(value, Mapping):
        problems.append(_problem(_line(lines, ()), "the file", f"holds kinds of settings: {', '.join(KINDS)}"))
        return
    for kind, documents in value.items():
        line = _line(lines, (str(kind),))
        if kind not in KINDS:
            problems.append(_problem(line, str(kind), f"there is no such kind; there are: {', '.join(KINDS)}"))
        elif not isinstance(documents, Mapping):
            problems.append(_problem(line, kind, f"holds documents by id, such as `{kind}: {{some-id: {{…}}}}`"))
        else:
            yield from _of_kind(kind, documents, lines, problems)


def _of_kind(kind: str, documents: Mapping[Any, Any], lines: Lines, problems: list[dict[str, str]]) -> Iterator[Wanted]:
    for key, document in documents.items():
        id_ = str(key)
        line = _line(lines, (kind, id_))
        if _ID.fullmatch(id_) is None:
            problems.append(_problem(line, f"{kind} {id_}", _ID_RULE))
            continue
        try:
            KINDS[kind].model_validate(document if document is not None else {})
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False):
                at = _line(lines, (kind, id_, *one["loc"]))
                problems.append(_problem(at, _name((kind, id_, *one["loc"])), one["msg"]))
            continue
        yield Wanted(kind, id_, dict(document or {}), line)


def _line(lines: Lines, place: Path_) -> int:
    """The line of a place, or of the nearest thing around it that is written in the file."""
    return next(lines[place[:end]] for end in range(len(place), -1, -1) if place[:end] in lines)


def _name(place: Path_) -> str:
    """`agent ada, /skills/0/level`."""
    head, rest = place[:2], place[2:]
    return " ".join(map(str, head)) + (", /" + "/".join(map(str, rest)) if rest else "")


def _problem(line: int, place: str, reason: str) -> dict[str, str]:
    return {"pointer": f"line {line}: {place}", "detail": reason}


def _yaml_problem(error: yaml.YAMLError) -> dict[str, str]:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark is not None else 1
    return _problem(line, "the file", f"is not YAML: {getattr(error, 'problem', None) or error}")
