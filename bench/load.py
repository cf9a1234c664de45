"""The load of the pipeline bench: signed form messages over kept-alive connections, timed one by one.

The same shape as the floor's own generator: so many connections, each sends and waits for the answer; at a given rate
the waits are exponential, so that arrivals are a Poisson process.
"""

import asyncio
import hashlib
import hmac
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

TEXT = "Where is my order 10{}? " + "x" * 300


@dataclass(slots=True)
class Sent:
    """What was accepted: when each message was made, and how long its 202 took (seconds)."""

    made_at: dict[str, float] = field(default_factory=dict)
    accept_s: list[float] = field(default_factory=list)
    began: float = 0.0
    took_s: float = 0.0


def _request(path: str, secret: bytes, message_id: str) -> bytes:
    now = time.time()
    body = orjson.dumps(
        {
            "id": message_id,
            "sender": {"id": f"c{random.randrange(10**6)}"},
            "text": TEXT.format(random.randrange(10**4)),
        }
    )
    stamp = str(int(now)).encode()
    signature = hmac.new(secret, stamp + b"." + body, hashlib.sha256).hexdigest().encode()
    return b"".join(
        (
            b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" % path.encode(),
            b"switchboard-timestamp: %s\r\nswitchboard-signature: v1=%s\r\n" % (stamp, signature),
            b"content-length: %d\r\n\r\n" % len(body),
            body,
        )
    )


async def post(
    port: int, path: str, secret: bytes, more: Callable[[], bool], *, connections: int, interval_s: float = 0.0
) -> Sent:
    """Send messages while `more()` says so; `interval_s` is the mean time between two messages over all connections."""
    sent = Sent(began=time.time())

    async def one() -> None:
        if interval_s:
            await asyncio.sleep(random.uniform(0, interval_s * connections))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while more():
            message_id = uuid.uuid4().hex
            made = sent.made_at[message_id] = time.time()
            writer.write(_request(path, secret, message_id))
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 202 " not in head[:20]:
                raise RuntimeError(f"not accepted: {head.decode()}")
            await reader.readexactly(_length(head))
            sent.accept_s.append(time.time() - made)
            if interval_s:
                await asyncio.sleep(random.expovariate(1 / (interval_s * connections)))
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    sent.took_s = time.time() - sent.began
    return sent


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
