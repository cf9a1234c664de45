"""Composition root of metrics."""

from services.metrics.config import Config
from shared.service import Service

SERVICE = Service(name="metrics", config=Config)
