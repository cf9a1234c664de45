"""What the processes of a run cost: CPU seconds and resident memory (PSS, so that shared pages count once)."""

import contextlib

import psutil

from tests.desk import Desk


def cpu_s(pid: int) -> float:
    """User and system seconds of a process with all its children, the ended ones included."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                total += times.user + times.system
        times = process.cpu_times()
        total += times.children_user + times.children_system
    return total


def pss_mb(pid: int) -> float:
    """Proportional set size of a process with its children, in MiB."""
    total = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                total += one.memory_full_info().pss
    return round(total / 2**20, 1)


def quantile_ms(seconds: list[float], share: float) -> float | None:
    """The quantile as the floor takes it, in milliseconds."""
    ordered = sorted(seconds)
    return round(1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2) if ordered else None


def pids(desk: Desk) -> dict[str, int]:
    """The desk's processes, its Kafka and its PostgreSQL."""
    own = {name: process.pid for name, process in desk.processes.items()}
    return {**own, "kafka": desk.stack.kafka.pid, "postgres": desk.stack.postgres.pid}


def cpu_by_process(desk: Desk) -> dict[str, float]:
    """What each has taken until now."""
    return {name: cpu_s(pid) for name, pid in pids(desk).items()}


def cpu_since(desk: Desk, before: dict[str, float], *, per: float) -> dict[str, float]:
    """What each has taken since then, divided."""
    return {name: round((now - before[name]) / per, 3) for name, now in cpu_by_process(desk).items()}
