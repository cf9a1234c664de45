"""Composition root of notify."""

from services.notify.config import Config
from shared.service import Service

SERVICE = Service(name="notify", config=Config)
