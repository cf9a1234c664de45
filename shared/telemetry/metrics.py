"""The one list of metrics: code can count nothing that is not defined here."""

from functools import lru_cache
from typing import TypeVar

from prometheus_client import Counter, Gauge, Histogram

M = TypeVar("M", Counter, Gauge, Histogram)


@lru_cache(maxsize=4096)
def labelled(metric: M, *labels: str) -> M:
    """The metric with these labels; on hot paths, where looking it up anew each time costs 5 µs."""
    return metric.labels(*labels)


_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# --- the bus ---------------------------------------------------------------------------------------------------------
RECORDS = Counter("switchboard_records_total", "Records by what became of them.", ["topic", "outcome"])
"""outcome: handled, duplicate, ignored (a type this service does not read), parked, skipped, waiting"""
BATCH_SECONDS = Histogram("switchboard_batch_seconds", "One batch's transaction.", ["topic"], buckets=_SECONDS)
LAG = Gauge("switchboard_consumer_lag_records", "Records on the log that are not handled yet.", ["topic"])
OLDEST_UNHANDLED = Gauge(
    "switchboard_oldest_unhandled_seconds",
    "Age of the record handled last while more wait; 0 when caught up.",
    ["topic"],
)
REBALANCES = Counter("switchboard_rebalances_total", "Assignments of partitions to this process.", ["topic"])
REWINDS = Counter("switchboard_rewinds_total", "Positions set back, by cause.", ["topic", "cause"])
"""cause: log-truncated, log-replaced, database-restored, gap"""
BATCH_RETRIES = Counter("switchboard_batch_retries_total", "Batches rolled back because something was away.", ["topic"])
CONSUMER_STOPPED = Gauge(
    "switchboard_consumer_stopped", "1 while too many dead letters have stopped a topic.", ["topic"]
)
DEAD_LETTERS = Counter("switchboard_dead_letters_total", "Records that could not be handled.", ["topic", "state"])
OUTBOX_SENT = Counter("switchboard_outbox_sent_total", "Events sent by the relay.")
OUTBOX_AGE = Gauge("switchboard_outbox_oldest_seconds", "Age of the oldest event that waits in the outbox.")
OUTBOX_FAILURES = Counter("switchboard_outbox_failures_total", "Rounds of the relay that failed.")

# --- HTTP ------------------------------------------------------------------------------------------------------------
HTTP_SECONDS = Histogram(
    "switchboard_http_seconds", "Requests by route.", ["method", "route", "status"], buckets=_SECONDS
)

# --- settings --------------------------------------------------------------------------------------------------------
SETTINGS_DOCUMENTS = Gauge("switchboard_settings_documents", "Documents read from the topic settings.")

# --- the gateway -----------------------------------------------------------------------------------------------------
FORWARD_SECONDS = Histogram(
    "switchboard_forward_seconds", "Requests handed on to their owner, until answered.", ["owner"], buckets=_SECONDS
)
FORWARD_FAILURES = Counter(
    "switchboard_forward_failures_total", "Requests an owner did not answer.", ["owner", "cause"]
)
"""cause: down, timeout"""
GATEWAY_REFUSED = Counter(
    "switchboard_gateway_refused_total", "Requests that no owner ever saw, by reason.", ["reason"]
)

STREAMS = Gauge("switchboard_streams", "Open live streams.")
STREAMS_ENDED = Counter("switchboard_streams_ended_total", "Live streams that ended, by why.", ["why"])
"""why: client, slow, lapsed, revoked, draining"""
STREAM_SECONDS = Histogram(
    "switchboard_stream_seconds", "From the broker's timestamp of an event to its place in the streams.",
    buckets=_SECONDS,
)  # fmt: skip

# --- ingest ----------------------------------------------------------------------------------------------------------
INBOUND_REQUESTS = Counter(
    "switchboard_inbound_requests_total", "Requests of providers that were taken.", ["channel", "outcome"]
)
"""outcome: accepted, ignored (read, and nobody's words), quarantined (could not be read)"""
INBOUND_REFUSED = Counter(
    "switchboard_inbound_refused_total", "Requests of providers that were not taken, by reason.", ["channel", "reason"]
)
INBOUND_SECONDS = Histogram(
    "switchboard_inbound_seconds", "Parts of taking a request.", ["channel", "part"], buckets=_SECONDS
)
"""part: read (parse and compose), keep (blobs written, Kafka confirmed)"""
INBOUND_MESSAGES = Counter("switchboard_inbound_messages_total", "Messages and edits accepted.", ["channel"])
QUARANTINED = Counter("switchboard_quarantined_total", "Requests filed in quarantine.", ["channel", "reason"])

MAILBOXES = Gauge("switchboard_mailboxes", "Mailboxes that this process reads.")
MAILBOX_FAILURES = Counter(
    "switchboard_mailbox_failures_total", "Times that a mailbox could not be read, by reason.", ["channel", "reason"]
)

# --- tickets ---------------------------------------------------------------------------------------------------------
CLASSIFIER_FAILURES = Counter(
    "switchboard_classifier_failures_total", "Messages that the classifier of intents could not read; they have none."
)

# --- routing ---------------------------------------------------------------------------------------------------------
MATCH_SECONDS = Histogram("switchboard_match_seconds", "One part of a workspace's queue matched.", buckets=_SECONDS)
MATCH_FAILURES = Counter("switchboard_match_failures_total", "Matches that failed; their workspaces stay dirty.")
TICKETS_GIVEN = Counter("switchboard_tickets_given_total", "Tickets offered, pushed, or given on request.", ["mode"])
OFFERS_ENDED = Counter("switchboard_offers_ended_total", "Offers by how they ended.", ["outcome"])
"""outcome: accepted, declined, expired, withdrawn"""

RULES_RUN = Counter("switchboard_rules_run_total", "Rules that met their conditions, by what came of it.", ["outcome"])
"""outcome: acted, unchanged, refused (nothing of it could be done), loop or depth (stopped, else without end)"""

# --- notify ----------------------------------------------------------------------------------------------------------
SENDS = Counter("switchboard_sends_total", "Tries to send by what came of them.", ["channel", "outcome"])
"""outcome: accepted, trylater, rejected, unsure, notbegun"""
SEND_SEGMENTS = Counter(
    "switchboard_send_segments_total", "Messages that providers make, and charge, of what they took.", ["channel"]
)
SEND_SECONDS = Histogram(
    "switchboard_send_seconds", "One try, until the provider's answer.", ["channel"], buckets=_SECONDS
)
