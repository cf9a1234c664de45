"""Backlog: what waits for us at this moment, and for how long (definitions.md, Support KPIs, 9)."""

from services.metrics.kpis.base import Kpi, Value

_OBSERVED = """
    select t.workspace, t.state as counted, t.ticket, t.shop, t.channel, null::text as team, h.agent,
        null::timestamptz as at,
        case when t.state in ('new', 'open') then t.cycle_started_at end as since,
        case when t.state in ('new', 'open')
            then greatest(0, floor(extract(epoch from $4 - t.cycle_started_at)))::bigint end as age_s
    from tickets t
    left join lateral (
        select case when r.place = 'held' then r.agent end as agent from routing_facts r
        where r.workspace = t.workspace and r.ticket = t.ticket
        order by r.version desc, r.at desc, r.event desc limit 1
    ) h on true
    where t.state in ('new', 'open', 'pending', 'on-hold')
"""

_MEASURES = """
    count(age_s) as n,
    count(*) filter (where counted = 'new') as new_n,
    count(*) filter (where counted = 'open') as open_n,
    count(*) filter (where counted = 'pending') as pending_n,
    count(*) filter (where counted = 'on-hold') as on_hold_n,
    min(since) as oldest_at,
    max(age_s) as oldest_age_s,
    percentile_disc(0.5) within group (order by age_s) as age_median_s,
    percentile_disc(0.9) within group (order by age_s) as age_p90_s,
    count(*) filter (where age_s < 3600) as within_an_hour_n,
    count(*) filter (where age_s >= 3600 and age_s < 86400) as within_a_day_n,
    count(*) filter (where age_s >= 86400 and age_s < 604800) as within_a_week_n,
    count(*) filter (where age_s >= 604800) as older_n
"""

KPI = Kpi(
    name="backlog",
    title="Backlog",
    definition=(
        "Tickets where it is our turn (new and open) at this moment, with their ages since their cycle began, in "
        "calendar time; pending (the customer's turn) and on-hold (a third party's) are shown apart and have no age "
        "here. By agent: who holds the ticket now; the group without one is held by nobody. Median and 90th percentile "
        "are ages that occur (percentile_disc)."
    ),
    values={
        "n": Value("tickets", "New and open tickets"),
        "new_n": Value("tickets", "Nobody accepted or answered them yet"),
        "open_n": Value("tickets", "Our turn"),
        "pending_n": Value("tickets", "The customer's turn; not in n"),
        "on_hold_n": Value("tickets", "A third party's turn; not in n"),
        "oldest_at": Value("moment", "When the oldest cycle of the new and open tickets began"),
        "oldest_age_s": Value("s", "Its age"),
        "age_median_s": Value("s", "Median age: the smallest that half of the new and open tickets do not exceed"),
        "age_p90_s": Value("s", "The smallest age that nine tenths of them do not exceed"),
        "within_an_hour_n": Value("tickets", "Of the new and open: younger than an hour"),
        "within_a_day_n": Value("tickets", "From one hour to less than 24"),
        "within_a_week_n": Value("tickets", "From 24 hours to less than 7 times 24"),
        "older_n": Value("tickets", "Older"),
    },
    counted=("open", "new", "pending", "on-hold"),
    observed=_OBSERVED,
    measures=_MEASURES,
    by=("shop", "channel", "agent"),
    windowed=False,
)
