"""One campaign: traffic flows, faults strike, and at the end every effect is counted."""

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from tests.desk import Desk
from tests.eventually import eventually
from tests.integration.campaign.checks import Checks, Findings
from tests.integration.campaign.faults import FAULTS, Scene
from tests.integration.campaign.traffic import Traffic

log = logging.getLogger(__name__)

SETTLE_S = 90


@dataclass
class Outcome:
    """What a campaign comes to."""

    rounds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    records: int = 0
    restarts: int = 0
    """How many processes ended by themselves and were started again."""
    findings: Findings = field(default_factory=lambda: Findings(0, 0, 0))
    seconds: float = 0

    def summary(self) -> dict[str, object]:
        """One line's worth."""
        return {
            "rounds": self.rounds,
            "faults": dict(sorted(self.faults.items())),
            "records": self.records,
            "restarts": self.restarts,
            **asdict(self.findings),
            "seconds": round(self.seconds, 1),
            "result": "clean" if self.rounds and self.findings.clean else "broken",
        }


class Campaign:
    """Traffic, faults and checks over one desk."""

    def __init__(
        self,
        desk: Desk,
        *,
        modules: Sequence[str],
        groups: Mapping[str, str],
        traffic: Traffic,
        checks: Checks,
        rng: random.Random,
        edges: frozenset[str] = frozenset(),
        fronts: tuple[str, ...] = (),
    ) -> None:
        self._traffic = traffic
        self._checks = checks
        self._scene = Scene(desk, tuple(modules), dict(groups), rng, self, edges, fronts)
        self._running: asyncio.Task[None] | None = None
        self._begun = time.monotonic()
        self.outcome = Outcome()

    # --- what faults ask of the traffic ------------------------------------------------------------------------------

    async def hold(self) -> None:
        """Send nothing new, and return when all that was accepted has been handled."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
            self._running = None
        await eventually(self._at_rest, timeout_s=SETTLE_S, what="a desk with nothing on its way")

    async def surge(self, count: int) -> None:
        """Send so many more now."""
        await self._traffic.burst(count)

    def go_on(self) -> None:
        """Send steadily again."""
        if self._running is None:
            self._running = asyncio.create_task(self._traffic.run())

    async def some(self, count: int) -> None:
        """Return when so many more have been accepted."""
        goal = self._traffic.accepted + count

        async def there() -> bool:
            self._scene.desk.supervise()
            return self._traffic.accepted >= goal

        await eventually(there, timeout_s=60, what=f"{count} more accepted records")

    async def _at_rest(self) -> bool:
        self._scene.desk.supervise()
        return await self._checks.idle()

    # --- rounds ------------------------------------------------------------------------------------------------------

    async def round(self, kinds: Sequence[str], *, records: int = 0) -> Outcome:
        """Let these faults strike one after the other while traffic flows, then wait for rest and count."""
        goal = self._traffic.accepted + records
        self.go_on()
        for kind in kinds:
            log.warning("%.1f s, %d records: %s", time.monotonic() - self._begun, self._traffic.accepted, kind)
            await FAULTS[kind](self._scene)
            self.outcome.faults[kind] += 1
            await self.some(50)
        await self.some(max(0, goal - self._traffic.accepted))
        await self.hold()
        self.outcome.rounds += 1
        self.outcome.records = self._traffic.accepted
        self.outcome.restarts = self._scene.desk.restarts
        self.outcome.findings = await self._checks.findings()
        self.outcome.seconds = time.monotonic() - self._begun
        return self.outcome

    def shuffled(self) -> list[str]:
        """Every kind of fault once, in a random order."""
        return self._scene.rng.sample(list(FAULTS), len(FAULTS))

    async def close(self) -> None:
        """Stop the traffic."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
        await self._traffic.close()
