"""`script/chaos MINUTES`: rounds of random faults on a stack of their own, and one line of JSON at the end."""

import argparse
import asyncio
import json
import logging
import random
import sys
import time

from tests.desk import Desk
from tests.integration.campaign.diagnosis import diagnose
from tests.integration.campaign.faults import FAULTS
from tests.integration.campaign.pair import ENVIRONMENT, prepare
from tests.integration.campaign.run import Outcome
from tests.integration.campaign.whole import WITH_METRICS, prepare_whole
from tests.stack import Stack


def main() -> int:
    """Run until the minutes are over; exit 0 where every round was clean."""
    parser = argparse.ArgumentParser(prog="script/chaos", description=__doc__)
    parser.add_argument("minutes", type=float, help="no new round begins after so many minutes")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="the same seed breaks the same things"
    )
    parser.add_argument("--rate", type=float, default=40, help="records a second")
    parser.add_argument("--pair", action="store_true", help="the two small services of the tests instead of the desk")
    parser.add_argument("--faults", default=",".join(FAULTS), help="kinds of fault, separated by commas")
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    for name in ("aiokafka", "httpx"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    stack = Stack()
    stack.start()
    try:
        summary = asyncio.run(_chaos(stack, given))
    finally:
        stack.stop()
    print(json.dumps(summary))
    return 0 if summary["result"] == "clean" else 1


async def _chaos(stack: Stack, given: argparse.Namespace) -> dict[str, object]:
    logging.warning("seed %d", given.seed)
    rng = random.Random(given.seed)
    until = time.monotonic() + given.minutes * 60
    template = None if given.pair else await stack.migrated()
    desk = Desk(stack, await stack.create_database(template), await stack.create_topics(), ENVIRONMENT)
    try:
        return await _rounds(desk, rng, until, given)
    finally:
        desk.stop()


async def _rounds(desk: Desk, rng: random.Random, until: float, given: argparse.Namespace) -> dict[str, object]:
    if given.pair:
        campaign = await prepare(desk, rng, per_s=given.rate)
    else:
        await desk.start(*WITH_METRICS)
        campaign = await prepare_whole(desk, rng, per_s=given.rate)
    kinds = given.faults.split(",")
    error = None
    try:
        while campaign.outcome.rounds == 0 or (time.monotonic() < until and campaign.outcome.findings.clean):
            await campaign.round(rng.sample(kinds, len(kinds)))
    except Exception as failed:
        logging.exception("the campaign could not go on")
        logging.error("%s", "\n".join(await diagnose(desk)))
        error = f"{type(failed).__name__}: {failed}"
    finally:
        await campaign.close()
    return _summary(campaign.outcome, given.seed, error)


def _summary(outcome: Outcome, seed: int, error: str | None) -> dict[str, object]:
    summary = {"seed": seed, **outcome.summary()}
    return summary if error is None else {**summary, "error": error, "result": "broken"}


if __name__ == "__main__":
    sys.exit(main())
