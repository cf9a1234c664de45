"""Puts the schema of every kind of settings into the OpenAPI document, so that generated clients know their fields."""

from typing import Any

from fastapi import FastAPI

from shared.contracts.settings import KINDS

_PUT = "/v1/settings/{kind}/{id}"
_REFERENCE = "#/components/schemas/Setting.{model}"


def describe_kinds(app: FastAPI) -> None:
    """Let the body of a PUT be one of the kinds' documents; which one, the path says."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        schemas = document["components"]["schemas"]
        for model in KINDS.values():
            schema = model.model_json_schema(ref_template=_REFERENCE)
            for name, inner in schema.pop("$defs", {}).items():
                schemas[f"Setting.{name}"] = inner
            schemas[f"Setting.{model.__name__}"] = schema
        body = document["paths"][_PUT]["put"]["requestBody"]["content"]["application/json"]
        body["schema"] = {"anyOf": [{"$ref": _REFERENCE.format(model=model.__name__)} for model in KINDS.values()]}
        return document

    app.openapi = openapi  # type: ignore[method-assign]
