"""The webhooks' part of the OpenAPI document, made from the registry of channels."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from services.ingest.views import Accepted
from shared.channels.base import Channel, Header
from shared.http import problems

References = Mapping[Any, dict[str, Any]]

_REF = "#/components/schemas/{model}"
SLUG = r"^[a-z0-9][a-z0-9_-]{0,62}$"
_STATUSES = (400, 401, 404, 405, 413, 422, 500, 503)


def describe(document: dict[str, Any], channels: Iterable[Channel]) -> dict[str, Any]:
    """The document with a path for each channel."""
    channels = tuple(channels)
    models: list[type[BaseModel]] = [Accepted, *(channel.body for channel in channels if channel.body is not None)]
    found, described = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    references = {model: schema for (model, _), schema in found.items()}
    components = document.get("components", {})
    paths = {
        f"/v1/inbound/{channel.name}/{{account}}": {"post": _operation(channel, references), **_greeting(channel)}
        for channel in channels
    }
    return {
        **document,
        "paths": {**paths, **document.get("paths", {})},
        "components": {**components, "schemas": {**described["$defs"], **components.get("schemas", {})}},
    }


def _operation(channel: Channel, references: References) -> dict[str, Any]:
    """One webhook: what proves a request, what it may hold, what is answered."""
    refusals = {str(status): answer for status, answer in problems(*_STATUSES).items() if status != 403}
    taken = {"application/json": {"schema": references[Accepted]}}
    return {
        "operationId": f"inbound_{channel.name}",
        "summary": channel.about,
        "tags": ["inbound"],
        "parameters": [_account(), *map(_header, channel.headers)],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _body(channel, references)}}},
        "responses": {str(channel.accepted_status): {"description": "Taken", "content": taken}, **refusals},
    }


def _greeting(channel: Channel) -> dict[str, Any]:
    """The provider's question whether the address is ours, where it asks one."""
    if channel.greet is None:
        return {}
    refusals = {str(status): answer for status, answer in problems(404).items() if status != 403}
    said = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "get": {
            "operationId": f"greet_{channel.name}",
            "summary": f"{channel.about} The provider asks whether this address is ours.",
            "tags": ["inbound"],
            "parameters": [_account(), *map(_asked, ("hub.mode", "hub.verify_token", "hub.challenge"))],
            "responses": {"200": {"description": "The challenge", "content": said}, **refusals},
        }
    }


def _asked(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": True, "schema": {"type": "string"}}


def _account() -> dict[str, Any]:
    schema = {"type": "string", "pattern": SLUG}
    return {"name": "account", "in": "path", "required": True, "description": "Id of the account", "schema": schema}


def _header(header: Header) -> dict[str, Any]:
    return {
        "name": header.name,
        "in": "header",
        "required": header.required,
        "description": header.description,
        "schema": {"type": "string"},
    }


def _body(channel: Channel, references: References) -> dict[str, Any]:
    """The model where the shape is ours; a provider describes its own."""
    if channel.body is None:
        return {"type": "object", "description": "As the provider documents it."}
    return references[channel.body]
