"""One run of the product under load: a desk of its own, messages in, tickets held by agents out."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from typing import Any

from bench.desk import Document, close_desk, open_desk, write
from bench.load import Sent
from bench.processes import cpu_by_process, cpu_since, pids, pss_mb, quantile_ms
from tests.desk import Desk
from tests.stack import Stack

WARM_UP_S = 5


async def throughput(stack: Stack, messages: int, more: Sequence[Document] = ()) -> dict[str, Any]:
    """As many messages as fast as they are accepted, with `more` settings than usual."""
    desk = await open_desk(stack, more=more)
    try:
        left = itertools.count()
        before = cpu_by_process(desk)
        sent = await write(desk, lambda: next(left) < messages, connections=64)
        result = await _result(desk, sent, since=0)
        result["cpu_s_per_1000"] = cpu_since(desk, before, per=messages / 1000)
        result["resident_mb"] = _memory(desk)
        return result
    finally:
        await close_desk(desk)


async def latency(stack: Stack, rate: float, seconds: float) -> dict[str, Any]:
    """A Poisson stream of messages; the first 5 s are left out."""
    desk = await open_desk(stack)
    try:
        end = time.time() + seconds
        sent = await write(desk, lambda: time.time() < end, connections=16, interval_s=1 / rate)
        return await _result(desk, sent, since=sent.began + WARM_UP_S)
    finally:
        await close_desk(desk)


_HELD = """
    select m.natural_id, extract(epoch from h.recorded_at)::float8 as held
    from messages m join happenings h on h.workspace = m.workspace and h.ticket = m.ticket and h.what = 'assigned'
"""


async def _result(desk: Desk, sent: Sent, *, since: float) -> dict[str, Any]:
    connection = await desk.connect("tickets")
    try:
        deadline = time.time() + 180
        while await connection.fetchval("select count(*) from tickets where assignee is not null") < len(sent.made_at):
            if time.time() > deadline:
                break
            await asyncio.sleep(0.2)
        rows = {row["natural_id"]: row["held"] for row in await connection.fetch(_HELD)}
    finally:
        await connection.close()
    waits = [rows[name] - made for name, made in sent.made_at.items() if name in rows and made > since]
    return {
        "messages": len(sent.made_at),
        "assigned": len(rows),
        "accepted_per_s": round(len(sent.made_at) / sent.took_s),
        "end_to_end_per_s": round(len(rows) / (max(rows.values()) - sent.began)) if rows else 0,
        "accept_ms_p50": quantile_ms(sent.accept_s, 0.5),
        "accept_ms_p99": quantile_ms(sent.accept_s, 0.99),
        "e2e_ms_p50": quantile_ms(waits, 0.5),
        "e2e_ms_p99": quantile_ms(waits, 0.99),
    }


def _memory(desk: Desk) -> dict[str, float]:
    by_process = {name: pss_mb(pid) for name, pid in pids(desk).items()}
    return {**by_process, "total": round(sum(by_process.values()), 1)}
