"""The floor under an upload: the same rows by COPY, append and upsert, and nothing else.

One connection, one transaction for each 50,000 rows: COPY into an unlogged table, append to a table like the
ledger's movements, upsert into one like its consents. No rules, no heads, no positions, no rights, no cache.
The tables stand in a schema of their own on the product's server, hold as much as the product's when the
first turn begins, and have one key each: the second index that the product keeps on consents is left out.
Nobody vacuums them: that would fall into the product's turns.
"""

import asyncio
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Final

import asyncpg

from loadtests.consent_files.rows import Said
from loadtests.kit.digests import Keys
from loadtests.kit.load import Measured, busy_cores

CHUNK_ROWS: Final = 50_000
COPY_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TAIL: Final = b"\xff\xff"
EPOCH: Final = datetime(2000, 1, 1)  # noqa: DTZ001  # as the server counts, in UTC
TURKEY_AHEAD: Final = timedelta(hours=3)
MICROSECOND: Final = timedelta(microseconds=1)

SCHEMA: Final = """
    DROP SCHEMA IF EXISTS bench CASCADE;
    CREATE SCHEMA bench;
    CREATE TABLE bench.movement (LIKE public.movement,
        PRIMARY KEY (brand_code, extent_id, extent_offset)) WITH (autovacuum_enabled = off);
    CREATE TABLE bench.consent (LIKE public.consent,
        PRIMARY KEY (brand_code, digest, channel, recipient_type))
        WITH (fillfactor = 90, autovacuum_enabled = off);
    CREATE UNLOGGED TABLE bench.stage (
        place integer, channel channel, recipient_type recipient_type, status consent_status,
        source consent_source, consent_date timestamptz, digest bytea, sealed bytea);
"""
FILL: Final = """
    INSERT INTO bench.movement SELECT * FROM public.movement;
    INSERT INTO bench.consent SELECT * FROM public.consent;
"""
APPEND: Final = """
    INSERT INTO bench.movement (brand_code, extent_id, extent_offset, kind, channel, recipient_type, status,
                                source, consent_date, digest, sealed, sealing_key_id)
    SELECT $1, $2, place, 'CONSENT', channel, recipient_type, status, source, consent_date, digest, sealed, 1
      FROM bench.stage
"""
UPSERT: Final = """
    INSERT INTO bench.consent (brand_code, channel, recipient_type, status, consent_date, digest,
                               recorded_extent, latest_extent, recorded_offset, latest_offset)
    SELECT DISTINCT ON (digest, channel, recipient_type)
           $1, channel, recipient_type, status, consent_date, digest, $2, $2, place, place
      FROM bench.stage
     ORDER BY digest, channel, recipient_type, place DESC
        ON CONFLICT (brand_code, digest, channel, recipient_type)
        DO UPDATE SET status = EXCLUDED.status, consent_date = EXCLUDED.consent_date,
                      recorded_extent = EXCLUDED.recorded_extent, latest_extent = EXCLUDED.latest_extent,
                      recorded_offset = EXCLUDED.recorded_offset, latest_offset = EXCLUDED.latest_offset
"""


@dataclass(slots=True)
class Floor:
    """The tables on one server, and rows made for them."""

    dsn: str
    keys: Keys
    extent: int = 10**12  # above all of the product's

    def prepare(self, rows: Iterator[Said], brand_code: int, folder: Path) -> list[Path]:
        """Write rows as the server takes them, a file for each chunk."""
        seal = self.keys.sealer(brand_code)
        files: list[Path] = []
        while some := list(islice(rows, CHUNK_ROWS)):
            path = folder / f"chunk-{len(files)}"
            digests = [self._digest(row.recipient) for row in some]
            with path.open("wb") as file:
                file.write(COPY_HEAD)
                for place, (row, digest) in enumerate(zip(some, digests, strict=True), 1):
                    file.write(_binary(place, row, digest, seal(row.recipient)))
                file.write(COPY_TAIL)
            files.append(path)
        return files

    def _digest(self, recipient: str) -> bytes:
        """Return as many bytes as the product keeps, as scattered."""
        return blake2b(recipient.encode(), key=self.keys.phone_key, digest_size=16).digest()

    def fill(self) -> None:
        """Make the tables, holding what the ledger holds."""
        asyncio.run(self._execute(SCHEMA, FILL, "VACUUM (ANALYZE) bench.movement, bench.consent"))

    def turn(self, files: Sequence[Path], brand_code: int, rows: int) -> Measured:
        """Load the chunks; rows a second, of `rows`."""
        with busy_cores() as busy:
            seconds = asyncio.run(self._load(files, brand_code))
        return Measured(rows / seconds, busy=busy, note=f"{seconds:.1f} s")

    async def _load(self, files: Sequence[Path], brand_code: int) -> float:
        connection = await asyncpg.connect(self.dsn)
        try:
            append, upsert = await connection.prepare(APPEND), await connection.prepare(UPSERT)
            started = perf_counter()
            for path in files:
                self.extent += 1
                async with connection.transaction():
                    await connection.copy_to_table(
                        "stage", schema_name="bench", source=path, format="binary"
                    )
                    await append.fetch(brand_code, self.extent)
                    await upsert.fetch(brand_code, self.extent)
                    await connection.execute("TRUNCATE bench.stage")
            return perf_counter() - started
        finally:
            await connection.close()

    async def _execute(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


def _binary(place: int, row: Said, digest: bytes, sealed: bytes) -> bytes:
    """Return a row in the server's binary form."""
    meaning = row.meaning
    moment = None
    if meaning.date is not None:
        moment = struct.pack("!q", (meaning.date - TURKEY_AHEAD - EPOCH) // MICROSECOND)
    texts = (row.channel, meaning.recipient_type, meaning.status, meaning.source)
    fields = (
        place.to_bytes(4, "big"),
        *(None if text is None else text.encode() for text in texts),
        moment,
        digest,
        sealed,
    )
    return b"".join((b"\0\x08", *map(_field, fields)))


def _field(value: bytes | None) -> bytes:
    return b"\xff\xff\xff\xff" if value is None else len(value).to_bytes(4, "big") + value
