"""SQL of tries to sign in, counted over all replicas."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import asyncpg


@dataclass(frozen=True, slots=True)
class Tried:
    """How often within the window, this time included, and seconds until it ends."""

    tries: int
    ends_in_s: float


async def count(tx: asyncpg.Connection, subjects: Sequence[bytes], window: timedelta) -> dict[bytes, Tried]:
    """Count one try for each subject; a window that is over begins anew."""
    rows = await tx.fetch(
        """
        insert into sign_in_tries as t (subject, tries, began_at)
        select subject, 1, clock_timestamp() from unnest($1::bytea[]) as u(subject) order by subject
        on conflict (subject) do update set
            tries = case when t.began_at > clock_timestamp() - $2::interval then t.tries + 1 else 1 end,
            began_at = case when t.began_at > clock_timestamp() - $2::interval then t.began_at
                            else clock_timestamp() end
        returning t.subject, t.tries,
                  extract(epoch from t.began_at + $2::interval - clock_timestamp())::float8 as left_s
        """,
        subjects,
        window,
    )
    return {row["subject"]: Tried(row["tries"], row["left_s"]) for row in rows}


async def take_back(tx: asyncpg.Connection, subjects: Sequence[bytes]) -> None:
    """The try was right: it does not count."""
    await tx.execute(
        """
        update sign_in_tries t set tries = greatest(0, t.tries - 1)
        from (select subject from sign_in_tries where subject = any($1::bytea[]) order by subject for update) u
        where t.subject = u.subject
        """,
        subjects,
    )


async def forget(tx: asyncpg.Connection, subjects: Sequence[bytes]) -> None:
    """Begin anew for these."""
    await tx.execute("delete from sign_in_tries where subject = any($1::bytea[])", subjects)


async def forget_old(tx: asyncpg.Connection, window: timedelta) -> None:
    """Delete what counts no more."""
    await tx.execute("delete from sign_in_tries where began_at < clock_timestamp() - $1::interval", window)
