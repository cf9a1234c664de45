"""What may be none may be left out: records are written without the fields that are none."""

import pytest

from shared.contracts.envelope import Message
from shared.contracts.registry import MESSAGES


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES.keys())
def test_a_field_that_may_be_none_has_none_as_its_default(message: type[Message]) -> None:
    required = [name for name, field in message.model_fields.items() if field.is_required()]
    allowing_none = [
        name for name in required if type(None) in getattr(message.model_fields[name].annotation, "__args__", ())
    ]
    assert not allowing_none
