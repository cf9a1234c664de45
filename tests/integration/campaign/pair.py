"""The campaign's first cast: the two small services of `tests/integration/pair`."""

import random

from tests.desk import Desk
from tests.integration.campaign.checks import PairChecks
from tests.integration.campaign.run import Campaign
from tests.integration.campaign.traffic import Messages
from tests.integration.pair.running import FIRST, SECOND

GROUPS = {FIRST: "first.inbound-messages", SECOND: "second.ticket-events"}
ENVIRONMENT = {"SWITCHBOARD_ALLOW_PRIVATE_URLS": "true"}


async def prepare(desk: Desk, rng: random.Random, *, per_s: float) -> Campaign:
    """Start both services and set up traffic and checks."""
    for module in (FIRST, SECOND):
        code, output = await desk.run(module, "migrate")
        assert code == 0, output
    await desk.start(FIRST, SECOND)
    traffic = Messages(desk, rng, per_s=per_s)
    checks = PairChecks(desk, traffic)
    return Campaign(desk, modules=(FIRST, SECOND), groups=GROUPS, traffic=traffic, checks=checks, rng=rng)
