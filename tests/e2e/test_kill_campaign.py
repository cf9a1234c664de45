"""Whatever dies, freezes or goes back in time under the whole desk: nothing lost, nothing doubled, `verify` clean."""

import json
import logging
import os
import random
from collections.abc import AsyncIterator

import pytest

from tests.desk import Desk
from tests.integration.campaign.faults import FAULTS
from tests.integration.campaign.pair import ENVIRONMENT
from tests.integration.campaign.run import Campaign
from tests.integration.campaign.whole import WITH_METRICS, prepare_whole
from tests.stack import Stack


@pytest.fixture
async def desk(stack: Stack) -> AsyncIterator[Desk]:
    """All services."""
    for name in ("aiokafka", "httpx"):  # our own clients tell of every fault
        logging.getLogger(name).setLevel(logging.CRITICAL)
    desk = Desk(stack, await stack.create_database(await stack.migrated()), await stack.create_topics(), ENVIRONMENT)
    await desk.start(*WITH_METRICS)
    yield desk
    desk.stop()
    await stack.drop_database(desk.database)


@pytest.fixture
async def campaign(desk: Desk) -> AsyncIterator[Campaign]:
    """Customers write over the edge, and agents answer them."""
    seed = int(os.environ.get("CAMPAIGN_SEED", random.randrange(10**6)))
    print(f"campaign seed {seed}: run again with CAMPAIGN_SEED={seed}")
    prepared = await prepare_whole(desk, random.Random(seed), per_s=40)
    yield prepared
    await prepared.close()


KILLS = ("kill-service", "kill-kafka", "kill-postgres")
"""What every change is tried with; the other kinds strike the two small services in every run, and the whole desk in
the long run and in script/chaos, since each needs half a minute of traffic of its own."""


async def test_nothing_is_lost_or_doubled_whatever_is_killed(campaign: Campaign, desk: Desk) -> None:
    chosen = os.environ.get("CAMPAIGN_FAULTS", ",".join(KILLS)).split(",")
    outcome = await campaign.round(chosen, records=500)
    print(outcome.summary())
    assert outcome.findings.clean, outcome.summary()
    if set(chosen) <= set(KILLS):  # else the log has lost what live facts still know
        await the_numbers_are_those_of_the_log(desk)
        await every_ticket_was_met_by_its_rule(desk)


async def every_ticket_was_met_by_its_rule(desk: Desk) -> None:
    """A rule that waits for new tickets has run on each, once."""
    connection = await desk.connect("tickets")
    try:
        unmet = """
            select t.id from tickets t
            left join rules_log l on l.workspace = t.workspace and l.ticket = t.id and l.rule = 'met'
            group by t.workspace, t.id, t.tags having count(l.rule) <> 1 or not t.tags @> '{met}'
        """
        assert await connection.fetch(unmet) == []
    finally:
        await connection.close()


async def the_numbers_are_those_of_the_log(desk: Desk) -> None:
    """What was counted while everything was killed is what a rebuild counts, row for row."""
    code, printed = await desk.run("services.metrics", "rebuild", "--verify")
    found = json.loads(printed)
    assert (code, found["differences"]) == (0, []), printed
    assert found["records"] > 500
    code, printed = await desk.run("services.metrics", "rebuild")
    assert code == 0 and all(json.loads(printed)["facts"][table] for table in ("tickets", "replies")), printed
    assert (await desk.run("services.metrics", "rebuild", "--verify"))[0] == 0


@pytest.mark.long
async def test_nothing_is_lost_or_doubled_whatever_breaks(campaign: Campaign) -> None:
    outcome = await campaign.round(list(FAULTS), records=500)
    print(outcome.summary())
    assert outcome.findings.clean, outcome.summary()


@pytest.mark.long
async def test_a_long_campaign_over_the_whole_desk_stays_clean(campaign: Campaign) -> None:
    while campaign.outcome.records < 10_000:
        outcome = await campaign.round(campaign.shuffled(), records=2000)
        assert outcome.findings.clean, outcome.summary()
    print(campaign.outcome.summary())
