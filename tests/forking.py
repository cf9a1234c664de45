"""Processes that begin with the libraries loaded: a test starts hundreds, and importing was most of each start.

A process is a fork of a server that has imported what services import and run nothing (multiprocessing's forkserver);
in it the module then runs as `python -m` runs it, with an environment of its own.
"""

import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOADED = (
    "aiokafka", "aiosmtplib", "argon2", "asyncpg", "fastapi", "httpx", "nh3", "obstore.store", "orjson", "uvloop",
    "opentelemetry.sdk.trace", "prometheus_client", "uvicorn.protocols.http.httptools_impl",
    "shared.channels", "shared.commands", "shared.http", "shared.service", "tests.forking",
)  # fmt: skip
"""What the services import; of the services themselves nothing, so that each process has only its own."""

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(list(LOADED))


def start(module: str, environment: Mapping[str, str], log: Path) -> BaseProcess:
    """Start `python -m module`, its output appended to the log."""
    process = _FORKING.Process(target=_run, args=(module, dict(environment), str(log)))
    process.start()
    return process


def _run(module: str, environment: dict[str, str], log: str) -> None:
    for stream, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        name = os.devnull if stream == 0 else log
        opened = os.open(name, flags | (os.O_CREAT | os.O_APPEND if stream else 0), 0o600)
        os.dup2(opened, stream)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w", buffering=1), open(2, "w", buffering=1)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
