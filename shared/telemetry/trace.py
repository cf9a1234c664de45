"""One trace over all hops: W3C Trace Context in every record, spans by the OpenTelemetry SDK where it is switched on.

Without an exporter (OTEL_EXPORTER_OTLP_ENDPOINT unset) only ids travel, which costs about a microsecond a record.
"""

import os
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace as otel
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_TRACEPARENT = re.compile(r"^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$")
_random = random.Random(os.urandom(16))  # noqa: S311 - ids of traces are no secrets
_propagator = TraceContextTextMapPropagator()


def configure(service: str) -> None:
    """Export spans over OTLP/HTTP where OTEL_EXPORTER_OTLP_ENDPOINT names a collector."""
    if not os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": f"switchboard-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    otel.set_tracer_provider(provider)
    global _exporting  # noqa: PLW0603 - asking the SDK looks into the environment each time
    _exporting = True


_exporting = False


def exporting() -> bool:
    """Whether spans are recorded in this process."""
    return _exporting


def valid(traceparent: str | None) -> str | None:
    """The traceparent where it is one (W3C Trace Context §3.2), else None: a broken one starts a new trace."""
    return traceparent if traceparent is not None and _TRACEPARENT.match(traceparent) else None


def child(traceparent: str | None) -> str:
    """A traceparent for the next hop: the same trace with a new span id, or a new trace."""
    span = _random.getrandbits(64) or 1
    if traceparent is None:
        return f"00-{_random.getrandbits(128) or 1:032x}-{span:016x}-01"
    return f"{traceparent[:36]}{span:016x}{traceparent[52:]}"


@contextmanager
def span(name: str, traceparent: str | None = None, **attributes: str | int) -> Iterator[str]:
    """A span of one step; gives the traceparent that what follows travels with."""
    if not exporting():
        yield child(traceparent)
        return
    context = _propagator.extract({"traceparent": traceparent}) if traceparent else None
    tracer = otel.get_tracer("switchboard")
    with tracer.start_as_current_span(name, context=context, kind=SpanKind.CONSUMER, attributes=attributes) as current:
        yield _carry(current)


def step(name: str, traceparent: str | None, links: tuple[Link, ...] = ()) -> str:
    """Record that one record of a batch was handled, as a span without duration; gives the new traceparent."""
    context = _propagator.extract({"traceparent": traceparent}) if traceparent else None
    current = otel.get_tracer("switchboard").start_span(name, context=context, kind=SpanKind.CONSUMER, links=links)
    current.end()
    return _carry(current)


def _carry(current: otel.Span) -> str:
    carrier: dict[str, str] = {}
    _propagator.inject(carrier, otel.set_span_in_context(current))
    return carrier.get("traceparent") or child(None)
