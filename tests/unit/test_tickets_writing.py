"""Requests that come together are written in rounds: one message a ticket and a key at a time, in order."""

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.tickets.answers import Command
from services.tickets.writing import Request, rounds
from shared.db.idempotency import Keyed
from shared.identity import Identity

WHO = Identity("anna", "agent", "main", agent="anna")

requests = st.builds(
    lambda ticket, key: Request(
        Command(WHO, UUID(int=ticket), uuid4(), "Hello"), None if key is None else Keyed("main/anna", str(key), b"h")
    ),
    st.integers(1, 4),
    st.none() | st.integers(1, 4),
)


@given(st.lists(requests, max_size=12))
def test_each_request_is_in_one_round_and_no_round_names_anything_twice(batch: list[Request]) -> None:
    parts = list(rounds(batch))
    assert sorted(n for part in parts for n in part) == list(range(len(batch)))
    for part in parts:
        tickets = [request.command.ticket for request in part.values()]
        keys = [request.keyed.key for request in part.values() if request.keyed]
        assert len(set(tickets)) == len(tickets)
        assert len(set(keys)) == len(keys)


@given(st.lists(requests, max_size=12))
def test_what_is_said_on_a_ticket_keeps_its_order(batch: list[Request]) -> None:
    order = [n for part in rounds(batch) for n in part]
    for ticket in {request.command.ticket for request in batch}:
        said = [n for n in order if batch[n].command.ticket == ticket]
        assert said == sorted(said)
