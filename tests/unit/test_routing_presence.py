"""What changes an agent's presence: his word, offers he misses, silence."""

from datetime import UTC, datetime, timedelta

from services.routing.domain.presence import MISSED, Agent, miss, tell, vanish
from shared.contracts.agent_events import Presence

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = START + timedelta(minutes=5)


def said(presence: Presence = "available", at: datetime = START, reason: str = "told") -> Agent:
    """Anna as she tells it."""
    return Agent("main", "anna", presence, reason, None, heartbeat_at=at, since=at)


def test_the_first_word_is_the_first_version() -> None:
    anna = tell(None, said())
    assert (anna.presence, anna.version, anna.since) == ("available", 1, START)


def test_a_heartbeat_that_says_nothing_new_moves_only_its_own_time() -> None:
    anna = tell(tell(None, said()), said(at=LATER))
    assert (anna.version, anna.since, anna.heartbeat_at) == (1, START, LATER)


def test_another_reason_is_another_version() -> None:
    lunch = tell(tell(None, said()), said("away", LATER, "lunch"))
    training = tell(lunch, said("away", LATER, "training"))
    assert [lunch.version, training.version] == [2, 3]


def test_so_many_misses_in_a_row_make_an_agent_away() -> None:
    anna = tell(None, said())
    once = miss(anna, 1, most=2, now=LATER)
    twice = miss(once, 1, most=2, now=LATER)
    assert (once.presence, once.misses, once.version) == ("available", 1, 1)
    assert (twice.presence, twice.reason, twice.misses, twice.version) == ("away", MISSED, 0, 2)


def test_who_comes_back_begins_without_misses() -> None:
    away = miss(tell(None, said()), 3, most=3, now=LATER)
    assert tell(away, said(at=LATER)).misses == 0


def test_misses_survive_a_mere_heartbeat() -> None:
    once = miss(tell(None, said()), 1, most=3, now=LATER)
    assert tell(once, said(at=LATER)).misses == 1


def test_who_is_away_already_stays_away_for_his_own_reason() -> None:
    lunch = tell(None, said("away", reason="lunch"))
    assert miss(lunch, 5, most=1, now=LATER).reason == "lunch"


def test_silence_past_grace_is_offline_and_gone() -> None:
    anna = vanish(tell(None, said()), "agent-offline", LATER)
    assert (anna.presence, anna.reason, anna.gone, anna.version) == ("offline", "agent-offline", True, 2)


def test_who_said_that_he_leaves_is_only_marked_as_gone() -> None:
    left = tell(tell(None, said()), said("offline", LATER))
    anna = vanish(left, "agent-offline", LATER)
    assert (left.gone, anna.gone, anna.version) == (False, True, left.version)


def test_a_word_after_silence_makes_him_present_again() -> None:
    back = tell(vanish(tell(None, said()), "agent-offline", LATER), said(at=LATER))
    assert (back.presence, back.gone) == ("available", False)
