"""The registry of routing rules: one line for each file beside this one.

An agent meets the eligibility rules from top to bottom; the first that refuses him is his reason, and of a ticket that
nobody may take the main reason is the rule that the agents who came furthest met.
"""

from services.routing.rules import (
    capacity,
    channel_cap,
    exclusion,
    language,
    longest_idle,
    presence,
    rare_skill,
    shop,
    skill_fit,
    skills,
)
from services.routing.rules.base import Momentary, MomentaryScore, Rules, Score, Standing

RULES = Rules(
    standing=(
        Standing("no-agent-present", presence.passes),
        Standing("no-shop", shop.passes),
        Standing("no-language", language.passes),
        Standing("no-skill", skills.passes),
    ),
    momentary=(
        Momentary("no-capacity", capacity.passes, lasting=True),
        Momentary("channel-cap", channel_cap.passes, lasting=True),
        Momentary("all-excluded", exclusion.passes, lasting=False),
    ),
    scores=(
        Score("skill-fit", skill_fit.points),
        Score("rare-skill", rare_skill.points),
    ),
    momentary_scores=(MomentaryScore("longest-idle", longest_idle.points),),
)
