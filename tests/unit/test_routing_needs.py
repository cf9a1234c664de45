"""What a waiting ticket asks for, as the policy says and as time lets it go."""

from datetime import UTC, datetime, timedelta

from services.routing.domain.needs import Needs
from shared.contracts.settings import ChannelRouting, Routing, SkillStep

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
POLICY = Routing(
    default=ChannelRouting(
        requires=(
            SkillStep(skill="refunds", level=3, until_s=60),
            SkillStep(skill="refunds", level=1, until_s=300),
            SkillStep(skill="legal"),
        )
    ),
    channels={"mail": ChannelRouting(mode="next", weight=5)},
)


def skills(waited_s: float) -> dict[str, int]:
    return dict(Needs(POLICY).of("http", None, None, timedelta(seconds=waited_s)).skills)


def test_a_required_skill_is_let_go_step_by_step() -> None:
    assert skills(0) == {"legal": 1, "refunds": 3}
    assert skills(59.999) == {"legal": 1, "refunds": 3}
    assert skills(60) == {"legal": 1, "refunds": 1}
    assert skills(300) == {"legal": 1}


def test_what_has_no_end_is_asked_for_ever() -> None:
    assert skills(10**9) == {"legal": 1}


def test_a_channel_without_a_rule_of_its_own_follows_the_default() -> None:
    needs = Needs(POLICY)
    assert needs.of("mail", None, None, timedelta()).mode == "next"
    assert needs.of("chat", None, None, timedelta()).mode == "offer"
    assert (needs.weight("mail"), needs.weight("chat")) == (5, 20)
    assert needs.lightest() == 5


def test_a_language_is_asked_for_only_where_the_policy_says_so() -> None:
    free = Needs(POLICY.model_copy(update={"require_language": False}))
    assert Needs(POLICY).of("http", None, "nl", timedelta()).language == "nl"
    assert free.of("http", None, "nl", timedelta()).language is None


def test_tickets_that_ask_the_same_share_one_object() -> None:
    needs = Needs(POLICY)
    first = needs.of("http", "bikes", "nl", timedelta(seconds=1))
    assert needs.of("http", "bikes", "nl", timedelta(seconds=30)) is first
    assert needs.of("http", "bikes", "nl", timedelta(seconds=61)) is not first


def test_the_next_moment_at_which_a_ticket_asks_for_less_is_known() -> None:
    needs = Needs(POLICY)
    assert needs.next_lapse("http", START, START) == START + timedelta(seconds=60)
    assert needs.next_lapse("http", START, START + timedelta(seconds=60)) == START + timedelta(seconds=300)
    assert needs.next_lapse("http", START, START + timedelta(seconds=300)) is None
    assert needs.next_lapse("mail", START, START) is None
