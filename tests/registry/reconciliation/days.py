"""Days of a brand: movements dated at will, as only the ledger's owner can put them there.

The services of these tests have a clock that stands still, a day behind the ledger's: so every day of theirs
is over for the ledger, and no midnight comes while they run.
"""

import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import SecretStr

from services.registry.parts import Parts, open_parts
from services.registry.reconciliation.authorities import Authority
from services.registry.reconciliation.make_reports import ReportMaker
from services.registry.reconciliation.movement_file import DayReader
from services.registry.reconciliation.own_authority import OwnAuthority
from services.registry.settings import RegistrySettings
from shared.clock import utc_now
from shared.domain.wire_time import bounds_of_day, consent_date_to_wire, turkish_day
from shared.ledger.append import transaction_id
from shared.ledger.report_queue import add_day
from shared.sealing.addresses import Digester, Sealer
from shared.sealing.keyring import KeyRing
from tests.registry.doors import Answer, Town, new_phone

HEADER = "creationDate,transactionId,recipient,recipientType,type,status,consentDate,source"
NOW = utc_now() - timedelta(days=1)
DECIDED = datetime.fromisoformat("2026-01-15T09:30:00+03:00")

_EXTENT = """
    INSERT INTO extent (brand_code, extent_id, nonce, base_position, size, created_at)
    SELECT $1, nextval('extent_id_seq'), $2, position, $3, $4 FROM brand_head WHERE brand_code = $1
    RETURNING extent_id
"""
_MOVEMENTS = """
    INSERT INTO movement (
        brand_code, extent_id, extent_offset, previous_extent, previous_offset, kind, channel,
        recipient_type, status, source, consent_date, digest, sealed, sealing_key_id)
    SELECT $1, $2, n, pe, po, kind, channel, rt, status, source, decided, digest, sealed, 1
      FROM unnest($3::bigint[], $4::integer[], $5::movement_kind[], $6::channel[], $7::recipient_type[],
                  $8::consent_status[], $9::consent_source[], $10::timestamptz[], $11::bytea[],
                  $12::bytea[])
           WITH ORDINALITY AS m (pe, po, kind, channel, rt, status, source, decided, digest, sealed, n)
"""
_HEAD = """
    UPDATE brand_head
       SET position = position + $3, extent_id = $2, extent_nonce = $4, extent_offset = $3
     WHERE brand_code = $1
"""


@dataclass(frozen=True)
class Row:
    """One movement to be; `previous` is where the key's movement before it stands."""

    recipient: str
    status: str = "ONAY"
    source: str | None = "HS_WEB"
    channel: str = "MESAJ"
    recipient_type: str = "BIREYSEL"
    decided: datetime | None = DECIDED
    kind: str = "CONSENT"
    previous: tuple[int, int] | None = None


@dataclass(frozen=True)
class Put:
    """Where rows were put, and what a provider would know of each: its line of the file."""

    extent_id: int
    lines: tuple[str, ...]

    def at(self, offset: int) -> tuple[int, int]:
        return (self.extent_id, offset)


@dataclass(frozen=True)
class Desk:
    """What it takes to put movements into a ledger, where there is no town."""

    dsn: str
    keys_file: Path
    ring: KeyRing
    owner: asyncpg.Connection


async def put(town: Town | Desk, brand_code: int, created_at: datetime, rows: Sequence[Row]) -> Put:
    """Put rows into the ledger as one extent of this moment; moments of a brand only grow."""
    digester, sealer = Digester(town.ring), Sealer(town.ring)
    nonce = int.from_bytes(hashlib.sha256(created_at.isoformat().encode()).digest()[:7], "big")
    async with town.owner.transaction():
        extent_id = await town.owner.fetchval(_EXTENT, brand_code, nonce, len(rows), created_at)
        columns: list[list[Any]] = [
            [row.previous and row.previous[0] for row in rows],
            [row.previous and row.previous[1] for row in rows],
            [row.kind for row in rows],
            [row.channel for row in rows],
            [row.recipient_type for row in rows],
            [row.status for row in rows],
            [row.source for row in rows],
            [row.decided for row in rows],
            [digester.digest(row.recipient) for row in rows],
            [sealer.seal(row.recipient, brand_code=brand_code) for row in rows],
        ]
        await town.owner.execute(_MOVEMENTS, brand_code, extent_id, *columns)
        await town.owner.execute(_HEAD, brand_code, extent_id, len(rows), nonce)
    lines = [
        ",".join(
            [
                consent_date_to_wire(created_at),
                transaction_id(brand_code, extent_id, nonce, n),
                row.recipient,
                row.recipient_type,
                row.channel,
                row.status,
                "" if row.decided is None else consent_date_to_wire(row.decided),
                row.source or "",
            ]
        )
        for n, row in enumerate(rows, 1)
        if row.kind == "CONSENT"
    ]
    return Put(extent_id, tuple(lines))


def phones(count: int, **changes: Any) -> list[Row]:
    """Return first approvals of so many people."""
    return [Row(new_phone(), **changes) for _ in range(count)]


def file_of(*puts: Put) -> bytes:
    """Write the file as a provider would: from what it was answered, sorted by second and id."""
    lines = sorted(line for one in puts for line in one.lines)
    return "".join(f"{line}\n" for line in (HEADER, *lines)).encode()


def days_ago(days: int) -> date:
    return turkish_day(NOW) - timedelta(days=days)


def standing_clock() -> datetime:
    return NOW


def moment(day: date, **after_midnight: float) -> datetime:
    """Return a moment so long after the day has begun in Turkey."""
    return bounds_of_day(day)[0] + timedelta(**after_midnight)


@asynccontextmanager
async def parts_of(
    town: Town | Desk, *, now: Callable[[], datetime] = standing_clock, **settings: Any
) -> AsyncGenerator[Parts]:
    """Open what a worker of this town has."""
    common: dict[str, Any] = {
        "registry_read_connections": 2,
        "registry_write_connections": 2,
        **settings,
    }
    given = RegistrySettings(postgres_dsn=SecretStr(town.dsn), keys_file=town.keys_file, **common)
    async with open_parts(given, now=now) as parts:
        yield parts


def maker_of(parts: Parts, authority: Authority | None = None, *, ring: Any = None) -> ReportMaker:
    """Return a maker as the job builds one, with any authority."""
    assert authority is not None or ring is not None
    return ReportMaker(
        reader=DayReader(parts.reader_pool, parts.sealer),
        reader_pool=parts.reader_pool,
        writer_pool=parts.writer_pool,
        authority=authority or OwnAuthority(ring),
        days_back=parts.settings.reconciliation_days_back,
        now=parts.now,
    )


async def make_day(desk: Town | Desk, day: date) -> None:
    """Make a day's reports, whatever the ledger's clock says about its end."""
    async with parts_of(desk, now=utc_now) as parts:
        await add_day(parts.writer_pool, day)
        await maker_of(parts, ring=desk.ring).work_off()


async def make(town: Town, maker: ReportMaker) -> int:
    """Let a night pass: days that were looked at before are looked at again."""
    await town.owner.execute("DELETE FROM reconciliation_day")
    return await maker.work_off()


@dataclass(frozen=True)
class Reports:
    """The wire's questions about one brand."""

    town: Town
    brand_code: int

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.town.get(f"{self.town.brand_path(self.brand_code)}/{path}", **options)

    async def summary(self, day: object, kind: str = "BIREYSEL", **options: Any) -> Answer:
        return await self.get(f"changes/{day}/recipients/{kind}", **options)

    async def agreement(self, day: object, **options: Any) -> Answer:
        return await self.get(f"agreements/{day}", **options)

    async def stamp(self, day: object, **options: Any) -> Answer:
        return await self.get(f"agreements/{day}/timestamp", **options)

    async def file(self, day: object, **options: Any) -> Answer:
        return await self.get(f"changes/{day}/file", **options)

    async def agree(self, day: object, body: object, **options: Any) -> Answer:
        path = f"{self.town.brand_path(self.brand_code)}/agreements/{day}"
        return await self.town.post(path, body, method="PUT", **options)
