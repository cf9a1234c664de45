"""The bus: consumer runtime, outbox relay, dead letters and settings (architecture.md §5)."""

from shared.bus.batch import Handler
from shared.bus.context import Context
from shared.bus.interest import reads
from shared.bus.settings import SettingsReader

__all__ = ["Context", "Handler", "SettingsReader", "reads"]
