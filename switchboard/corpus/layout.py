"""How recorded payloads lie in folders: beside them an index.json, which says what each one is."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from shared.errors import Invalid, NotFound

Expectation = Literal["parsed", "parsed_or_quarantined", "invalid"]
EXPECTATIONS: tuple[Expectation, ...] = ("parsed", "parsed_or_quarantined", "invalid")


@dataclass(frozen=True, slots=True)
class Item:
    """One recorded payload, and what must come of it."""

    folder: str
    name: str
    """Its file within the folder."""
    path: Path
    kind: str
    expectation: Expectation
    facts: Mapping[str, Any]
    encoding: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def provider(self) -> str:
        """The first word of its kind, which names the provider where a folder holds several."""
        return self.kind.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of recorded payloads."""

    name: str
    items: tuple[Item, ...]


def folders(root: Path) -> Iterator[Folder]:
    """Every folder at or below `root` with an index.json, in the order of their names."""
    found = sorted(root.rglob("index.json")) if root.is_dir() else []
    if not found:
        raise NotFound(f"no index.json in {root} or a folder of it", reason="no_corpus")
    for index in found:
        inside = index.parent.relative_to(root).as_posix()
        yield _folder(index, root.resolve().name if inside == "." else inside)


def _folder(index: Path, name: str) -> Folder:
    try:
        listed = json.loads(index.read_bytes())
    except ValueError as error:
        raise Invalid(f"{index} is no JSON: {error}", reason="bad_index") from None
    if not isinstance(listed, list):
        raise Invalid(f"{index} holds no list", reason="bad_index")
    return Folder(name, tuple(_item(index.parent, name, one) for one in listed))


def _item(folder: Path, name: str, given: Any) -> Item:
    if not isinstance(given, dict) or not isinstance(given.get("file"), str):
        raise Invalid(f"an item of {folder / 'index.json'} names no file", reason="bad_index")
    path = (folder / given["file"]).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise Invalid(f"{given['file']} of {folder / 'index.json'} is outside of its folder", reason="bad_index")
    expectation = given.get("expectation", "parsed_or_quarantined")
    if expectation not in EXPECTATIONS:
        raise Invalid(f"{given['file']}: the expectation {expectation!r} is none of {', '.join(EXPECTATIONS)}")
    facts, headers = given.get("facts"), given.get("headers")
    return Item(
        folder=name,
        name=given["file"],
        path=path,
        kind=str(given.get("kind") or ""),
        expectation=expectation,
        facts=facts if isinstance(facts, dict) else {},
        encoding=str(given.get("encoding") or ""),
        headers={str(key).lower(): str(value) for key, value in headers.items()} if isinstance(headers, dict) else {},
    )
