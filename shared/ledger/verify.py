"""Is the ledger what it claims to be? Rebuild everything derived from `movement` and compare.

Reads one snapshot while the services go on, in constant memory: movements and consents are both
streamed in the order of their keys and merged. Nothing is repaired; every difference is reported.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import LiteralString

import asyncpg

from shared.domain.consent import Channel, ConsentState, NewConsent, RecipientType, Source, Status
from shared.domain.transitions import after_block, after_record
from shared.ledger.store import Connection, connect

DIFFERENCES_SHOWN_MAX = 100
PREFETCH = 5_000


@dataclass(slots=True)
class Report:
    """What was compared and what differs. An empty `differences` is a sound ledger."""

    brands: int = 0
    movements: int = 0
    consents: int = 0
    differences: list[str] = field(default_factory=list[str])

    def differs(self, what: str) -> None:
        """Note one difference; beyond a hundred only the fact that there are more."""
        if len(self.differences) < DIFFERENCES_SHOWN_MAX:
            self.differences.append(what)
        elif len(self.differences) == DIFFERENCES_SHOWN_MAX:
            self.differences.append("… and more")


# Positions without gap or overlap, and a head that stands on the last of them.
HEADS: LiteralString = """
    SELECT h.brand_code, h.position, h.extent_id, h.extent_nonce, h.extent_offset, h.approvals,
           h.rejections, l.extent_id AS last_extent, l.nonce AS last_nonce, l.size AS last_size,
           COALESCE(l.base_position + l.size, 0) AS last_position,
           (SELECT count(*)
              FROM (SELECT base_position, lag(base_position + size, 1, 0::bigint)
                                          OVER (ORDER BY base_position) AS expected
                      FROM extent WHERE brand_code = h.brand_code) AS e
             WHERE e.base_position <> e.expected) AS gaps,
           (SELECT count(*) FROM consent AS c
             WHERE c.brand_code = h.brand_code AND c.status = 'ONAY') AS counted_approvals,
           (SELECT count(*) FROM consent AS c
             WHERE c.brand_code = h.brand_code AND c.status = 'RET') AS counted_rejections
      FROM brand_head AS h
      LEFT JOIN LATERAL (SELECT * FROM extent AS e WHERE e.brand_code = h.brand_code
                          ORDER BY e.base_position DESC LIMIT 1) AS l ON true
     ORDER BY h.brand_code
"""
# An extent holds exactly its size in movements, numbered from 1.
EXTENTS: LiteralString = """
    SELECT e.brand_code, e.extent_id
      FROM extent AS e
      LEFT JOIN movement AS m ON m.brand_code = e.brand_code AND m.extent_id = e.extent_id
     GROUP BY e.brand_code, e.extent_id, e.size
    HAVING count(m.extent_offset) <> e.size OR min(m.extent_offset) <> 1
           OR max(m.extent_offset) <> e.size
"""
ORPHANS: LiteralString = """
    SELECT m.brand_code, m.extent_id
      FROM movement AS m
     WHERE NOT EXISTS (SELECT FROM extent AS e
                        WHERE e.brand_code = m.brand_code AND e.extent_id = m.extent_id)
     GROUP BY m.brand_code, m.extent_id
"""
MOVEMENTS_BY_KEY: LiteralString = """
    SELECT m.brand_code, m.digest, m.channel, m.recipient_type, m.kind, m.status, m.source,
           m.consent_date, m.retailer_code, m.retailer_access, m.extent_id, m.extent_offset,
           m.previous_extent, m.previous_offset
      FROM movement AS m
      JOIN extent AS e ON e.brand_code = m.brand_code AND e.extent_id = m.extent_id
     ORDER BY m.brand_code, m.digest, m.channel, m.recipient_type, e.base_position, m.extent_offset
"""
# How many consents name a retailer, counted and as it is kept.
REACHES: LiteralString = """
    SELECT brand_code, retailer_code, COALESCE(kept.consents, 0) AS kept,
           COALESCE(counted.consents, 0) AS counted
      FROM retailer_reach AS kept
      FULL JOIN (SELECT c.brand_code, named.code AS retailer_code, count(*) AS consents
                   FROM consent AS c
                  CROSS JOIN LATERAL (SELECT DISTINCT code
                                        FROM unnest(c.retailer_access || c.retailer_code) AS code
                                       WHERE code IS NOT NULL) AS named
                  WHERE c.retailer_code IS NOT NULL OR c.retailer_access IS NOT NULL
                  GROUP BY c.brand_code, named.code) AS counted
     USING (brand_code, retailer_code)
     WHERE kept.consents IS DISTINCT FROM counted.consents
       AND (kept.consents <> 0 OR counted.consents IS NOT NULL)
     ORDER BY brand_code, retailer_code
"""
CONSENTS_BY_KEY: LiteralString = """
    SELECT brand_code, digest, channel, recipient_type, status, consent_date, blocked_at,
           recorded_extent, recorded_offset, latest_extent, latest_offset, retailer_code,
           retailer_access
      FROM consent
     ORDER BY brand_code, digest, channel, recipient_type
"""


async def verify(dsn: str) -> Report:
    """Compare the derived state with the movements; raises LedgerUnavailableError."""
    report = Report()
    connection = await connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await _verify_heads(connection, report)
            await _verify_extents(connection, report)
            await _verify_consents(connection, report)
            await _verify_reaches(connection, report)
    finally:
        await connection.close()
    return report


async def _verify_heads(connection: Connection, report: Report) -> None:
    for head in await connection.fetch(HEADS):
        report.brands += 1
        brand = f"brand {head['brand_code']}"
        if head["gaps"]:
            report.differs(f"{brand}: positions have {head['gaps']} gaps or overlaps")
        stands_on = (
            head["position"],
            head["extent_id"],
            head["extent_nonce"],
            head["extent_offset"],
        )
        last = (head["last_position"], head["last_extent"], head["last_nonce"], head["last_size"])
        if stands_on != last:
            report.differs(f"{brand}: the head says {stands_on}, the extents end at {last}")
        counters = (head["approvals"], head["rejections"])
        counted = (head["counted_approvals"], head["counted_rejections"])
        if counters != counted:
            report.differs(f"{brand}: counters say {counters}, counting says {counted}")


async def _verify_extents(connection: Connection, report: Report) -> None:
    for row in await connection.fetch(EXTENTS):
        report.differs(f"brand {row['brand_code']}: extent {row['extent_id']} is not whole")
    for row in await connection.fetch(ORPHANS):
        report.differs(f"brand {row['brand_code']}: extent {row['extent_id']} has no place")


async def _verify_reaches(connection: Connection, report: Report) -> None:
    for row in await connection.fetch(REACHES):
        retailer = f"retailer {row['retailer_code']} of brand {row['brand_code']}"
        report.differs(f"{retailer}: {row['kept']} consents are said, {row['counted']} are there")


async def _verify_consents(connection: Connection, report: Report) -> None:
    live = connection.cursor(CONSENTS_BY_KEY, prefetch=PREFETCH).__aiter__()
    row = await anext(live, None)
    async for movements in _by_key(connection):
        report.movements += len(movements)
        rebuilt = _rebuild(movements, report)
        while row is not None and _key(row) < _key(movements[0]):
            report.differs(f"consent {_shown(row)} has no movement")
            row = await anext(live, None)
        if row is None or _key(row) != _key(movements[0]):
            report.differs(f"consent {_shown(movements[0])} is missing")
            continue
        report.consents += 1
        if tuple(row)[4:] != rebuilt:
            report.differs(f"consent {_shown(row)} is {tuple(row)[4:]}, rebuilt {rebuilt}")
        row = await anext(live, None)
    while row is not None:
        report.differs(f"consent {_shown(row)} has no movement")
        row = await anext(live, None)


async def _by_key(connection: Connection) -> AsyncIterator[list[asyncpg.Record]]:
    group: list[asyncpg.Record] = []
    async for row in connection.cursor(MOVEMENTS_BY_KEY, prefetch=PREFETCH):
        if group and _key(row) != _key(group[0]):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


_CHANNEL_ORDER = {channel.value: n for n, channel in enumerate(Channel)}
_TYPE_ORDER = {recipient_type.value: n for n, recipient_type in enumerate(RecipientType)}


def _key(row: asyncpg.Record) -> tuple[int, bytes, int, int]:
    """Return a row's key so that it sorts as Postgres sorts it: enums by their declaration."""
    return (
        row["brand_code"],
        row["digest"],
        _CHANNEL_ORDER[row["channel"]],
        _TYPE_ORDER[row["recipient_type"]],
    )


def _shown(row: asyncpg.Record) -> str:
    return (
        f"{row['brand_code']}/{row['channel']}/{row['recipient_type']}/{row['digest'].hex()[:8]}…"
    )


def _rebuild(movements: Sequence[asyncpg.Record], report: Report) -> tuple[object, ...]:
    """Derive the consent row of one key with the rules of the domain, not with those of the schema."""
    state: ConsentState | None = None
    recorded: tuple[int | None, int | None] = (None, None)
    latest: tuple[int | None, int | None] = (None, None)
    retailer_code: int | None = None
    retailer_access: list[int] | None = None
    record: asyncpg.Record | None = None
    for row in movements:
        if (row["previous_extent"], row["previous_offset"]) != latest:
            report.differs(f"movement of {_shown(row)} does not follow the one before it")
        latest = (row["extent_id"], row["extent_offset"])
        if row["kind"] == "BLOCK":
            state = after_block(state, row["consent_date"])
            continue
        if row["kind"] == "ACCESS":
            if not _repeats(row, record):
                report.differs(f"change of access of {_shown(row)} does not repeat the record")
            retailer_code, retailer_access = row["retailer_code"], row["retailer_access"]
            continue
        record = row
        state = after_record(state, _consent(row))
        recorded = latest
        retailer_code = row["retailer_code"]
        kept = None if row["status"] == Status.WITHDRAWN.value else retailer_access
        retailer_access = row["retailer_access"] or kept
    if state is None:
        return ()
    status = None if state.status is None else state.status.value
    return (
        *(status, state.consent_date, state.blocked_at),
        *(*recorded, *latest),
        *(retailer_code, retailer_access),
    )


def _repeats(row: asyncpg.Record, record: asyncpg.Record | None) -> bool:
    """Tell whether a change of access says of the person's decision what the record says."""
    said = ("status", "source", "consent_date")
    return record is not None and all(row[name] == record[name] for name in said)


def _consent(row: asyncpg.Record) -> NewConsent:
    return NewConsent(
        recipient="",
        channel=Channel(row["channel"]),
        recipient_type=RecipientType(row["recipient_type"]),
        status=Status(row["status"]),
        source=None if row["source"] is None else Source(row["source"]),
        consent_date=row["consent_date"],
    )
