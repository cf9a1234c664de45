"""The one tree of errors, so that every edge knows what to do with what it catches.

SwitchboardError
├── MayPass              the same call may succeed later: roll back, wait, try again; never a dead letter
│   ├── BusUnavailable       503
│   ├── StoreUnavailable     503
│   └── Busy                 429
├── Refused              the caller is wrong and will stay wrong: never retry
│   ├── Invalid              422  the content breaks the contract
│   ├── Malformed            400  the bytes are not what they claim to be
│   ├── Unauthenticated      401
│   ├── Forbidden            403
│   ├── NotFound             404
│   ├── Conflict             409
│   ├── PreconditionFailed   412
│   └── TooLarge             413
└── Bug                  an invariant of ours is broken: page someone
"""

from typing import ClassVar


class SwitchboardError(Exception):
    """Anything we raise on purpose; `reason` is a token for counters, the message tells the reader what to do."""

    status: ClassVar[int] = 500
    reason: str = "error"
    retry_after_s: int | None = None

    def __init__(self, message: str, *, reason: str | None = None, fields: list[dict[str, str]] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or []
        if reason is not None:
            self.reason = reason


class MayPass(SwitchboardError):
    """The same call may succeed later."""

    status = 503
    reason = "unavailable"
    retry_after_s = 2


class BusUnavailable(MayPass):
    """Kafka did not take or give records in time."""

    reason = "bus_unavailable"


class StoreUnavailable(MayPass):
    """A database or blob store did not answer, or is full."""

    reason = "store_unavailable"


class Busy(MayPass):
    """Too many requests at once."""

    status = 429
    reason = "busy"


class Refused(SwitchboardError):
    """The caller is wrong and will stay wrong."""

    status = 400
    reason = "refused"


class Malformed(Refused):
    """The bytes are not what they claim to be."""

    reason = "malformed"


class Invalid(Refused):
    """The content breaks the contract."""

    status = 422
    reason = "invalid"


class Unauthenticated(Refused):
    """No valid credential came with the request."""

    status = 401
    reason = "unauthenticated"


class Forbidden(Refused):
    """The credential is valid and does not allow this."""

    status = 403
    reason = "forbidden"


class NotFound(Refused):
    """There is no such thing, or not for this caller."""

    status = 404
    reason = "not_found"


class Conflict(Refused):
    """The thing is not in a state that allows this."""

    status = 409
    reason = "conflict"


class PreconditionFailed(Refused):
    """What the caller had read was changed since."""

    status = 412
    reason = "changed_since"


class TooLarge(Refused):
    """The body is over the declared limit."""

    status = 413
    reason = "too_large"


class Bug(SwitchboardError):
    """An invariant of ours is broken."""

    reason = "bug"
