"""Providers that ask whether an address is ours, and requests of which a part cannot be read."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.channels.formats.meta_hook import verify_token
from tests.eventually import eventually
from tests.integration.ingests import Ingest, start_ingest, stop_ingest
from tests.shop import SECRET
from tests.stack import Stack
from tests.unit.channel_requests import from_ada, hub_signed, texted, to_page

CHANNELS = ("whatsapp", "messenger", "instagram")


@pytest.fixture(scope="module")
def ingest(stack: Stack) -> Iterator[Ingest]:
    running = start_ingest(stack)
    for channel in CHANNELS:
        stack.run(running.put(channel, {"channel": channel, "shop": "bikes", "secrets": [{"value": SECRET}]}))
    yield running
    stop_ingest(running)


def asked(channel: str, token: str, **more: str) -> dict[str, Any]:
    params = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "1158201444"} | more
    return {"method": "GET", "url": f"/v1/inbound/{channel}/{channel}", "params": params}


def posted(channel: str, body: Any) -> dict[str, Any]:
    raw = json.dumps(body).encode()
    return {
        "url": f"/v1/inbound/{channel}/{channel}",
        "content": raw,
        "headers": dict(hub_signed(raw, SECRET).headers),
    }


@pytest.mark.parametrize("channel", CHANNELS)
async def test_who_knows_the_app_secret_is_told_that_the_address_is_ours(ingest: Ingest, channel: str) -> None:
    answer = await ingest.send(asked(channel, verify_token(SECRET)))
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("channel", CHANNELS)
async def test_anybody_else_is_refused_and_counted(ingest: Ingest, channel: str) -> None:
    before = await ingest.refused(channel, "bad_signature")
    answer = await ingest.send(asked(channel, SECRET))
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:switchboard:problem:bad_signature")
    assert await ingest.refused(channel, "bad_signature") == before + 1


async def test_an_address_that_nobody_asks_about_takes_post_only(ingest: Ingest) -> None:
    answer = await ingest.send({"method": "GET", "url": "/v1/inbound/http/bikes-form"})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    answer = await ingest.send({"method": "PUT", "url": "/v1/inbound/whatsapp/whatsapp"})
    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, {"POST", "GET", "HEAD"})


async def test_of_a_request_that_is_broken_in_part_the_rest_comes_in_and_the_whole_is_looked_at(
    ingest: Ingest,
) -> None:
    body = from_ada(texted("one"), {"type": "hologram", "id": "wamid.7", "from": "31612345678"}, texted(id="wamid.2"))
    answer = await ingest.send(posted("whatsapp", body))
    assert (answer.status_code, answer.json()["accepted"]) == (200, 2)
    quarantined = answer.json()["quarantined"]
    for id_ in answer.json()["ids"]:
        assert (await ingest.message(id_))[0].data.raw == quarantined

    async def shown() -> Any:
        async with ingest.owner() as owner:
            found = (await owner.get("/v1/quarantine")).json()["items"]
        return next((one for one in found if one["id"] == quarantined), None)

    item = await eventually(shown, what="the request in quarantine")
    assert (item["reason"], item["detail"]) == (
        "unknown_content",
        "1 of 3 events could not be read, the others were taken: unknown_content",
    )


async def test_two_moments_up_to_which_was_read_are_two_receipts(ingest: Ingest) -> None:
    moments = [{"read": {"watermark": 1767323045000 + n}} for n in (0, 1, 1)]
    answer = await ingest.send(posted("messenger", to_page(*moments)))
    assert answer.json()["accepted"] == 3
    assert len(set(answer.json()["ids"])) == 2
