"""First reply time (definitions.md, Support KPIs, 1)."""

from services.metrics.kpis.base import Kpi, Value

_OBSERVED = """
    select workspace, 'answered' as counted, ticket, shop, channel, team, agent, replied_at as at,
        calendar_s, business_s, null::timestamptz as waits_since,
        null::text as came_to, null::bigint as cohort_calendar_s, null::bigint as cohort_business_s
    from cycles where replied_at >= $2 and replied_at < $3
    union all
    select workspace, 'unanswered', ticket, shop, channel, null, null, case when started_at >= $2 then started_at end,
        null, null, started_at, null, null, null
    from cycles where replied_at is null and ended_at is null and voided_at is null and started_at < $3
    union all
    select workspace, 'closed_unanswered', ticket, shop, channel, null, null, ended_at,
        null, null, null, null, null, null
    from cycles where replied_at is null and voided_at is null and ended_at >= $2 and ended_at < $3
    union all
    select workspace, 'void', ticket, shop, channel, null, null, voided_at,
        null, null, null, null, null, null
    from cycles where voided_at >= $2 and voided_at < $3
    union all
    select workspace, 'arrived', ticket, shop, channel, team, agent, started_at, null, null, null,
        case when replied_at is not null then 'answer' when voided_at is not null then 'void'
            when ended_at is not null then 'close' else 'wait' end,
        calendar_s, business_s
    from cycles where started_at >= $2 and started_at < $3
"""

_MEASURES = """
    count(calendar_s) as n,
    coalesce(sum(calendar_s), 0)::bigint as calendar_sum_s,
    round(avg(calendar_s))::bigint as calendar_mean_s,
    percentile_disc(0.5) within group (order by calendar_s) as calendar_median_s,
    percentile_disc(0.9) within group (order by calendar_s) as calendar_p90_s,
    coalesce(sum(business_s), 0)::bigint as business_sum_s,
    round(avg(business_s))::bigint as business_mean_s,
    percentile_disc(0.5) within group (order by business_s) as business_median_s,
    percentile_disc(0.9) within group (order by business_s) as business_p90_s,
    count(waits_since) as unanswered_n,
    min(waits_since) as unanswered_oldest_at,
    count(*) filter (where counted = 'closed_unanswered') as closed_unanswered_n,
    count(*) filter (where counted = 'void') as void_n,
    count(came_to) as arrived_n,
    count(*) filter (where came_to = 'answer') as arrived_answered_n,
    count(*) filter (where came_to = 'wait') as arrived_unanswered_n,
    count(*) filter (where came_to = 'close') as arrived_closed_unanswered_n,
    count(*) filter (where came_to = 'void') as arrived_void_n,
    percentile_disc(0.5) within group (order by cohort_calendar_s) as arrived_calendar_median_s,
    percentile_disc(0.9) within group (order by cohort_calendar_s) as arrived_calendar_p90_s,
    percentile_disc(0.5) within group (order by cohort_business_s) as arrived_business_median_s,
    percentile_disc(0.9) within group (order by cohort_business_s) as arrived_business_p90_s
"""


def _times(prefix: str, clock: str, of: str) -> dict[str, Value]:
    return {
        f"{prefix}_median_s": Value("s", f"Median {clock} {of}: the smallest that half of them do not exceed"),
        f"{prefix}_p90_s": Value("s", f"The smallest {clock} that nine tenths {of} do not exceed"),
    }


def _answered(prefix: str, clock: str) -> dict[str, Value]:
    return {
        f"{prefix}_sum_s": Value("s", f"Sum of {clock}; the mean is this divided by n"),
        f"{prefix}_mean_s": Value("s", f"Mean {clock}, halves rounded up"),
        **_times(prefix, clock, "of the answered cycles"),
    }


_CALENDAR, _BUSINESS = "calendar time", "business time"

KPI = Kpi(
    name="first_reply",
    title="First reply time",
    definition=(
        "First human public reply minus the start of the cycle, in calendar time and in business time of the calendar "
        "that was valid when the cycle began; counted on the day of the reply and credited to its author. A reply that "
        "finally failed is none. Cycles that an agent started and automatic messages are left out. Void are cycles "
        "where nothing was left to answer (spam, a message taken back, no reply needed): they neither wait nor ended "
        "unanswered, and are a number of their own. Beside it: cycles that began before the window's end and still "
        "wait, those that ended within it without an answer, those that became void within it, and the cycles that "
        "arrived within it, on their day of arrival, with what became of them. Median and 90th percentile "
        "are values that occurred (percentile_disc): the smallest with at least that share at or below it."
    ),
    values={
        "n": Value("cycles", "Cycles whose first reply lies within the window"),
        **_answered("calendar", _CALENDAR),
        **_answered("business", _BUSINESS),
        "unanswered_n": Value("cycles", "Cycles that still wait for a first reply; before the window they have no day"),
        "unanswered_oldest_at": Value("moment", "Since when the oldest of them waits"),
        "closed_unanswered_n": Value("cycles", "Cycles that ended within the window without an answer; in no time"),
        "void_n": Value("cycles", "Cycles that became void within the window: nothing was left to answer; in no time"),
        "arrived_n": Value("cycles", "Cycles that began within the window"),
        "arrived_answered_n": Value("cycles", "Of those, answered by now"),
        "arrived_unanswered_n": Value("cycles", "Of those, still waiting"),
        "arrived_closed_unanswered_n": Value("cycles", "Of those, ended without an answer"),
        "arrived_void_n": Value("cycles", "Of those, void"),
        **_times("arrived_calendar", _CALENDAR, "of the answered among those that arrived"),
        **_times("arrived_business", _BUSINESS, "of the answered among those that arrived"),
    },
    counted=("answered", "unanswered", "closed_unanswered", "void", "arrived"),
    observed=_OBSERVED,
    measures=_MEASURES,
)
