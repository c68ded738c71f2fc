"""The trail: who changed which account when. Triggers write it (0009_expand_administration.sql)."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString, cast

from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool

READ_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class EventRow:
    """One change. `actor` is a user name; None: an applicant, or somebody with the owner's tools."""

    event_id: int
    happened_at: datetime
    actor: str | None
    kind: str
    name: str
    action: str
    iys_code: int | None
    facts: dict[str, object]


EVENTS: LiteralString = """
    SELECT e.event_id, e.happened_at, u.username AS actor, e.kind, e.name, e.action, e.iys_code,
           e.facts::text AS facts
      FROM account_event AS e
      LEFT JOIN api_user AS u ON u.user_id = e.actor
     WHERE e.event_id < $1
       AND ($2::integer IS NULL OR e.iys_code = $2)
       AND ($3::text IS NULL OR e.kind = $3)
       AND ($4::text IS NULL OR e.name = $4)
     ORDER BY e.event_id DESC
     LIMIT $5
"""
NEWEST = 2**63 - 1


async def list_events(
    pool: ReaderPool,
    *,
    iys_code: int | None = None,
    kind: str | None = None,
    name: str | None = None,
    before: int = NEWEST,
    limit: int = 100,
) -> list[EventRow]:
    """Return a page of changes, the newest first, by their numbers before `before`."""
    async with ledger_errors():
        rows = await pool.fetch(EVENTS, before, iys_code, kind, name, limit, timeout=READ_TIMEOUT_S)
    return [
        EventRow(
            event_id=row["event_id"],
            happened_at=row["happened_at"],
            actor=row["actor"],
            kind=row["kind"],
            name=row["name"],
            action=row["action"],
            iys_code=row["iys_code"],
            facts=cast("dict[str, object]", json.loads(row["facts"])),
        )
        for row in rows
    ]
