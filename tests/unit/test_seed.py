"""The demo's documents and its traffic: valid, repeatable, and delivered as the channels' providers would."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from services.gateway.documents import checked, references
from shared.channels import CHANNELS
from shared.channels.base import AccountContext, Request
from switchboard.seed.conversations import NAMES, STORIES
from switchboard.seed.documents import ACCOUNTS, AGENTS, FIRST_AGENT, WORKSPACE, documents
from switchboard.seed.plan import HOUR_S, arrivals
from switchboard.seed.providers import delivery

SECRET = "the-demos-secret"
NOW = datetime(2026, 1, 2, 9, tzinfo=UTC)


def test_every_document_is_valid_and_refers_only_to_what_is_there() -> None:
    made = documents(SECRET)
    for kind, by_id in made.items():
        for id_, document in by_id.items():
            for place, other, name in references(kind, checked(kind, document)):
                assert name in made[other], f"{kind} {id_} {place}"


def test_the_demo_is_two_shops_and_six_agents_in_two_teams() -> None:
    made = documents(SECRET)
    assert (len(made["shop"]), len(made["agent"]), len(made["team"])) == (2, 6, 2)
    assert {agent["team"] for agent in made["agent"].values()} == set(made["team"])
    assert FIRST_AGENT in made["agent"]


def test_every_language_that_customers_write_is_spoken_by_somebody_in_every_shop() -> None:
    written = {story.language for story in STORIES}
    for shop in documents(SECRET)["shop"]:
        allowed = [agent for agent in AGENTS.values() if not agent["shops"] or shop in agent["shops"]]
        assert written <= {language for agent in allowed for language in agent["languages"]}, shop
    assert written == set(NAMES) == set(documents(SECRET)["workspace"][WORKSPACE]["languages"])


def test_the_same_number_of_messages_is_the_same_hour() -> None:
    assert arrivals(80) == arrivals(80)


@pytest.mark.parametrize("messages", [0, 1, 7, 500])
def test_an_hour_has_as_many_messages_as_asked_for_each_once_and_in_order(messages: int) -> None:
    hour = arrivals(messages)
    assert len({arrival.id for arrival in hour}) == len(hour) == messages
    assert [arrival.at_s for arrival in hour] == sorted(arrival.at_s for arrival in hour)
    assert all(0 <= arrival.at_s <= HOUR_S for arrival in hour)


def test_a_longer_play_begins_no_conversation_of_a_shorter_one_anew() -> None:
    short = {arrival.id: (arrival.text, arrival.customer) for arrival in arrivals(50)}
    long = {arrival.id: (arrival.text, arrival.customer) for arrival in arrivals(200)}
    assert short.items() <= long.items()


def test_a_customer_writes_on_after_the_first_message_on_the_same_account() -> None:
    hour = arrivals(200)
    first = {arrival.customer.number: arrival for arrival in hour if arrival.first}
    later = [arrival for arrival in hour if not arrival.first]
    assert later
    for arrival in later:
        began = first[arrival.customer.number]
        assert (began.account, began.at_s < arrival.at_s) == (arrival.account, True)


def test_every_account_and_language_is_played() -> None:
    hour = arrivals(120)
    accounts = Counter(arrival.account for arrival in hour)
    assert set(accounts) == set(ACCOUNTS)
    assert {arrival.customer.language for arrival in hour} == set(NAMES)


@pytest.mark.parametrize("account", ACCOUNTS)
def test_a_delivery_proves_itself_to_its_channel_and_says_what_the_customer_wrote(account: str) -> None:
    channel, shop, _ = ACCOUNTS[account]
    context = AccountContext(WORKSPACE, shop, account, (SECRET,))
    seen = set()
    for arrival in arrivals(200):
        if arrival.account != account:
            continue
        sent = delivery(arrival, SECRET, int(NOW.timestamp()))
        request = Request(headers=sent.headers, body=sent.body, received_at=NOW)
        CHANNELS[channel].verify(request, context)
        (received,) = CHANNELS[channel].parse(request, context).received
        assert arrival.text in received.message.text
        assert sent.path == f"/v1/inbound/{channel}/{account}"
        seen.add(received.message.natural_id)
    assert len(seen) == len([arrival for arrival in arrivals(200) if arrival.account == account])
