"""The AsyncAPI 3.0 document of the bus, made from TOPICS and MESSAGES: `python -m shared.contracts.asyncapi`."""

import json
from typing import Any

from pydantic.json_schema import models_json_schema

from shared.contracts.envelope import Message
from shared.contracts.registry import MESSAGES
from shared.contracts.topics import TOPICS, Topic

_REF = "#/components/schemas/{model}"


def document() -> dict[str, Any]:
    """Channels, the operations of every service on them, and the messages with their schemas."""
    definitions = models_json_schema([(model, "serialization") for model in MESSAGES.values()], ref_template=_REF)[1]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Switchboard",
            "version": "1",
            "description": "Every arrow between services. Records are CloudEvents 1.0; payloads here are their `data`.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS.values()},
        "operations": _operations(),
        "components": {
            "messages": {_name(model): _message(model) for model in MESSAGES.values()},
            "schemas": definitions["$defs"],
        },
    }


def _name(model: type[Message]) -> str:
    return model.__name__


def _channel(topic: Topic) -> dict[str, Any]:
    retention = "for ever" if topic.retention is None else f"{topic.retention.days} days"
    return {
        "address": topic.name,
        "description": topic.carries,
        "messages": {
            _name(model): {"$ref": f"#/components/messages/{_name(model)}"}
            for model in MESSAGES.values()
            if topic.name == model.TOPIC
        },
        "x-key": topic.key,
        "x-retention": "newest of each key" if topic.compacted else retention,
        "x-on-poison": topic.on_poison,
    }


def _operations() -> dict[str, Any]:
    operations = {}
    for topic in TOPICS.values():
        channel = {"$ref": f"#/channels/{topic.name}"}
        operations[f"{topic.owner}.send.{topic.name}"] = {"action": "send", "channel": channel}
        for consumer in topic.consumers:
            operations[f"{consumer}.receive.{topic.name}"] = {"action": "receive", "channel": channel}
    return operations


def _message(model: type[Message]) -> dict[str, Any]:
    return {
        "name": model.TYPE,
        "summary": (model.__doc__ or "").strip(),
        "payload": {"$ref": _REF.format(model=_name(model))},
    }


if __name__ == "__main__":
    print(json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False))
