"""The live stream: how long after it happened an event is at its listeners, with many streams open."""

import asyncio
import time
from argparse import Namespace
from datetime import datetime
from typing import Any

import orjson

from bench.asking import request
from bench.desk import agent_keys, close_desk, open_desk, write
from bench.processes import cpu_s, quantile_ms
from tests.stack import Stack

OF_ONE = 25
"""Streams of one agent; a replica allows him 50."""
HEARD_EVERY = 10
"""Of so many streams one is read to its meaning; the others are only drained, so that reading is not what is timed."""
WRITERS = 8


class Stream(asyncio.Protocol):
    """One open stream; keeps what came with its time, or only counts it."""

    def __init__(self, asking: bytes, *, keeps: bool) -> None:
        self.came: list[tuple[float, bytes]] = []
        self.bytes = 0
        self.opened = asyncio.get_running_loop().create_future()
        self.lost = False
        self.transport: asyncio.Transport | None = None
        self._asking = asking
        self._keeps = keeps

    def connection_made(self, transport: Any) -> None:
        """Ask for the stream."""
        self.transport = transport
        transport.write(self._asking)

    def data_received(self, data: bytes) -> None:
        """The first is the head of the answer."""
        self.bytes += len(data)
        if not self.opened.done():
            self.opened.set_result(data[9:12] == b"200")
        if self._keeps:
            self.came.append((time.time(), data))

    def connection_lost(self, exc: Exception | None) -> None:
        """A stream that ends is seen in the result."""
        self.lost = True
        if not self.opened.done():
            self.opened.set_result(False)

    def waits_s(self, since: float) -> list[float]:
        """From each event's own time to its arrival."""
        found, rest = [], b""
        for at, data in self.came:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line.startswith(b"data: ") and (happened := _happened(line[6:])) is not None and happened > since:
                    found.append(at - happened)
        return found


def _happened(body: bytes) -> float | None:
    time_ = orjson.loads(body).get("time")
    return datetime.fromisoformat(time_).timestamp() if time_ else None


async def measure(stack: Stack, given: Namespace) -> dict[str, Any]:
    """Messages arrive at a steady rate while agents hold many streams."""
    return {"stream": await _run(stack, given.streams, given.stream_rate, given.stream_seconds)}


async def _run(stack: Stack, streams: int, rate: float, seconds: float) -> dict[str, Any]:
    desk = await open_desk(stack)
    try:
        keys = await agent_keys(desk, -(-streams // OF_ONE))
        port = desk.processes["gateway"].port
        opened = [await _open(port, keys[n // OF_ONE], keeps=n % HEARD_EVERY == 0) for n in range(streams)]
        await asyncio.sleep(2)  # presence that opening them has told is no part of this
        began, end = time.time(), time.time() + seconds
        before = cpu_s(desk.processes["gateway"].pid)
        sent = await write(desk, lambda: time.time() < end, connections=WRITERS, interval_s=1 / rate)
        await asyncio.sleep(2)
        cpu = (cpu_s(desk.processes["gateway"].pid) - before) / (time.time() - began)
        waits = [wait for stream in opened for wait in stream.waits_s(began)]
        lost = sum(stream.lost for stream in opened)
        sizes = [stream.bytes for stream in opened]
        for stream in opened:
            if stream.transport is not None:
                stream.transport.close()
        heard = len(opened[::HEARD_EVERY])
        return {
            "streams": streams,
            "messages": len(sent.made_at),
            "events_per_stream": round(len(waits) / heard, 1),
            "ms_p50": quantile_ms(waits, 0.5),
            "ms_p99": quantile_ms(waits, 0.99),
            "lost_streams": lost,
            "least_to_most_heard": round(min(sizes) / max(sizes), 3),
            "gateway_cpus": round(cpu, 2),
        }
    finally:
        await close_desk(desk)


async def _open(port: int, key: str, *, keeps: bool) -> Stream:
    asking = request("GET", "/v1/stream", {"authorization": f"Bearer {key}", "accept": "text/event-stream"})
    loop = asyncio.get_running_loop()
    _, stream = await loop.create_connection(lambda: Stream(asking, keeps=keeps), "127.0.0.1", port)
    if not await stream.opened:
        raise RuntimeError("a stream was not opened")
    return stream
