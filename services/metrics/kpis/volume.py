"""Volume: what came in, and what was answered."""

from services.metrics.kpis.base import Kpi, Value

_OBSERVED = """
    select c.workspace, case when exists (
            select from cycles earlier
            where earlier.workspace = c.workspace and earlier.ticket = c.ticket and earlier.cycle < c.cycle
        ) then 'reopened' else 'opened' end as counted,
        c.ticket, c.shop, c.channel, null::text as team, null::text as agent, c.started_at as at
    from cycles c where c.started_at >= $2 and c.started_at < $3
    union all
    select m.workspace, case when m.automatic and not exists (
            select from ticket_facts c
            where c.workspace = m.workspace and c.ticket = m.ticket and c.what = 'counted' and c.message = m.message
        ) then 'automatic' else 'written' end,
        m.ticket, m.shop, m.channel, null, null, m.at
    from ticket_facts m where m.author = 'customer' and m.at >= $2 and m.at < $3
    union all
    select r.workspace, 'replied', r.ticket, r.shop, r.channel, r.team, r.agent, r.at
    from standing_replies r where r.at >= $2 and r.at < $3
"""

_MEASURES = """
    count(*) filter (where counted = 'opened') as opened_n,
    count(*) filter (where counted = 'reopened') as reopened_n,
    count(*) filter (where counted = 'written') as customer_messages_n,
    count(*) filter (where counted = 'automatic') as automatic_messages_n,
    count(*) filter (where counted = 'replied') as replies_n
"""

KPI = Kpi(
    name="volume",
    title="Volume",
    definition=(
        "Cases opened, cycles reopened, customers' messages and human public replies, each on its day: a case and a "
        "cycle on the day its first message was accepted, a message on the day it was accepted, a reply on the day the "
        "provider took it. Automatic messages (auto-replies, bounces, thanks, what comes to spam) open nothing and are "
        "counted apart, unless an agent said that one counts. "
        "Replies are credited to their author; cases and messages to nobody, so by agent or team they stand in the "
        "group without one."
    ),
    values={
        "opened_n": Value("cases", "Cases opened by a customer's message"),
        "reopened_n": Value("cycles", "Cycles begun by a customer's message on a solved ticket"),
        "customer_messages_n": Value("messages", "Customers' messages, the opening ones included"),
        "automatic_messages_n": Value("messages", "Automatic messages; not among the customers' messages"),
        "replies_n": Value("messages", "Human public replies that did not finally fail"),
    },
    counted=("opened", "reopened", "written", "automatic", "replied"),
    observed=_OBSERVED,
    measures=_MEASURES,
)
