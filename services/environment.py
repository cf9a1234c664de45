"""Prints what each service reads from its environment, for docs/environment.md: `python -m services.environment`."""

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from services.gateway.config import Config as Gateway
from services.ingest.config import Config as Ingest
from services.metrics.config import Config as Metrics
from services.notify.config import Config as Notify
from services.routing.config import Config as Routing
from services.tickets.config import Config as Tickets
from shared.config import PREFIX, ServiceConfig

CONFIGS: dict[str, type[ServiceConfig]] = {
    "gateway": Gateway,
    "ingest": Ingest,
    "metrics": Metrics,
    "notify": Notify,
    "routing": Routing,
    "tickets": Tickets,
}

_INTRODUCTION = """\
# Environment

What a service reads once, at its start; written by `script/generate` from the config classes. A variable that is set to
nothing counts as not set. What cannot work is refused with a sentence that names the variable. Lists of what to set for
which way of running: [deploy.md](deploy.md); what leads and platform teams configure: [settings.md](settings.md).
"""


def page() -> str:
    """The whole page."""
    shared = ServiceConfig.model_fields
    parts = [_INTRODUCTION, _table("Every service", shared)]
    for name, config in CONFIGS.items():
        own = {field: info for field, info in config.model_fields.items() if field not in shared}
        if own:
            parts.append(_table(f"Also {name}", own))
    return "\n".join(parts).rstrip("\n")


def _table(title: str, fields: dict[str, FieldInfo]) -> str:
    rows = [_row(name, info) for name, info in fields.items()]
    return "\n".join([f"## {title}\n", "| variable | default | |", "|---|---|---|", *rows, ""])


def _row(name: str, info: FieldInfo) -> str:
    default = info.get_default(call_default_factory=True, validated_data={})
    value = default.get_secret_value() if isinstance(default, SecretStr) else default
    shown = "" if value in (None, "", {}) else f"`{value}`"
    return f"| `{PREFIX}{name.upper()}` | {shown} | {' '.join((info.description or '').split())} |"


if __name__ == "__main__":
    print(page())
