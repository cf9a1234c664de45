"""Whatever dies, freezes or goes back in time under two real services: nothing lost, doubled or out of order."""

import logging
import os
import random

import pytest

from tests.integration.campaign.faults import FAULTS
from tests.integration.campaign.pair import ENVIRONMENT, prepare
from tests.integration.campaign.run import Campaign


@pytest.fixture
async def campaign(make_desk):
    for name in ("aiokafka", "httpx"):  # our own clients tell of every fault
        logging.getLogger(name).setLevel(logging.CRITICAL)
    desk = await make_desk(**ENVIRONMENT)
    seed = int(os.environ.get("CAMPAIGN_SEED", random.randrange(10**6)))
    print(f"campaign seed {seed}: run again with CAMPAIGN_SEED={seed}")
    prepared = await prepare(desk, random.Random(seed), per_s=60)
    yield prepared
    await prepared.close()


async def test_nothing_is_lost_doubled_or_out_of_order_whatever_breaks(campaign: Campaign) -> None:
    chosen = os.environ.get("CAMPAIGN_FAULTS", ",".join(FAULTS)).split(",")
    outcome = await campaign.round(chosen, records=2000)
    print(outcome.summary())
    assert outcome.findings.clean, outcome.summary()


@pytest.mark.long
async def test_a_long_campaign_of_random_faults_stays_clean(campaign: Campaign) -> None:
    while campaign.outcome.records < 10_000:
        outcome = await campaign.round(campaign.shuffled(), records=2000)
        assert outcome.findings.clean, outcome.summary()
    print(campaign.outcome.summary())
