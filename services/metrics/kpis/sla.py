"""SLA attainment (definitions.md, Support KPIs, 6)."""

from services.metrics.kpis.base import Kpi, Value

_KINDS = {"first_reply": "first replies", "next_reply": "next replies", "resolution": "resolutions"}

KPI = Kpi(
    name="sla",
    title="SLA attainment",
    definition=(
        "Clocks that were met, of those met or breached, by the last word on each: met on the day of the reply or the "
        "solve, breached on the day it was due, by the policy and the calendar as they were when the cycle began. Void "
        "clocks (spam, solved without an answer, withdrawn, no reply needed) are in no ratio and stand apart. Where no "
        "clock was decided there is no attainment. A clock is credited to the agent who held the ticket for at least "
        "half of its business time, else to the queue: by agent it then stands in the group without one."
    ),
    values={
        "met_n": Value("clocks", "Numerator: clocks that were met"),
        "decided_n": Value("clocks", "Denominator: clocks that were met or breached"),
        "breached_n": Value("clocks", "Clocks that were breached"),
        "void_n": Value("clocks", "Clocks that are void; in no ratio"),
        **{
            f"{kind}_{what}_n": Value("clocks", f"Of the {words} those {what}")
            for kind, words in _KINDS.items()
            for what in ("met", "breached")
        },
    },
    counted=("breached", "met", "void"),
    observed="""
        select workspace, outcome as counted, ticket, shop, channel, null::text as team, agent, decided_at as at, kind
        from newest_clocks
        where decided_at >= $2 and decided_at < $3 and outcome in ('met', 'breached', 'void')
    """,
    measures="""
        count(*) filter (where counted = 'met') as met_n,
        count(*) filter (where counted in ('met', 'breached')) as decided_n,
        count(*) filter (where counted = 'breached') as breached_n,
        count(*) filter (where counted = 'void') as void_n,
        count(*) filter (where kind = 'first_reply' and counted = 'met') as first_reply_met_n,
        count(*) filter (where kind = 'first_reply' and counted = 'breached') as first_reply_breached_n,
        count(*) filter (where kind = 'next_reply' and counted = 'met') as next_reply_met_n,
        count(*) filter (where kind = 'next_reply' and counted = 'breached') as next_reply_breached_n,
        count(*) filter (where kind = 'resolution' and counted = 'met') as resolution_met_n,
        count(*) filter (where kind = 'resolution' and counted = 'breached') as resolution_breached_n
    """,
    by=("shop", "channel", "agent", "day"),
)
