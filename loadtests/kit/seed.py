"""A data directory with a world in it, made once and used by every later run.

    python -m loadtests.kit.seed --consents 100000

`izin up` makes the directory, its keys and its demo world; the consents are copied into the ledger's
tables by the owner, as movements of extents of up to 50,000, with heads and counters that agree:
`izin ledger verify` finds it intact. The cache is not made here; the projector makes it.
"""

import argparse
import asyncio
import json
import shutil
import struct
from array import array
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Final

import asyncpg

from loadtests.kit.digests import Keys
from loadtests.kit.stack import Product, product
from loadtests.kit.tools import DATA
from loadtests.kit.world import World, number_of

EXTENT_SIZE: Final = 50_000
COPY_ROWS: Final = 10_000
SEEDING_PROCESSES: Final = 2
MARKER: Final = "seeded.json"
DISK_BYTES_PER_CONSENT: Final = 700  # tables, keys, and the log while it is written
EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)

COPY_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TAIL: Final = b"\xff\xff"
CONSENT_COLUMNS: Final = (
    *("brand_code", "channel", "recipient_type", "consent_date", "status", "digest"),
    *("recorded_extent", "latest_extent", "recorded_offset", "latest_offset"),
)
MOVEMENT_COLUMNS: Final = (
    *("brand_code", "extent_id", "consent_date", "channel", "recipient_type", "source", "kind"),
    *("sealing_key_id", "extent_offset", "status", "digest", "sealed"),
)
# Fewer checkpoints, and no vacuum in between; both go back to the product's own afterwards.
WHILE_SEEDING: Final = {"max_wal_size": "'8GB'", "autovacuum": "off"}


@dataclass(frozen=True, slots=True)
class Part:
    """One brand's share of the work: everything that a seeding process needs."""

    dsn: str
    keys_file: Path
    brand_code: int
    members: "array[int]"
    first_extent: int
    decided_at: int  # microseconds since 2000, as the server counts

    def extents(self) -> Iterator[tuple[int, int, "array[int]"]]:
        """Yield extent id, base position, and members."""
        for n, base in enumerate(range(0, len(self.members), EXTENT_SIZE)):
            yield self.first_extent + n, base, self.members[base : base + EXTENT_SIZE]


def seeded(world: World) -> Path:
    """Return the data directory of a world; make it if it is not there."""
    directory = DATA / world.name
    if (directory / MARKER).exists():
        return directory
    if directory.exists():
        shutil.rmtree(directory)  # half of it, from a run that was interrupted
    DATA.mkdir(parents=True, exist_ok=True)
    needed, free = world.consents * DISK_BYTES_PER_CONSENT, shutil.disk_usage(DATA).free
    if free < needed + 2**30:
        raise SystemExit(f"{DATA} has {free / 2**30:.0f} GB free, {world.name} needs more")
    print(f"seeding {world.name} into {directory}", flush=True)
    started = perf_counter()
    with product(directory, shared_buffers_mb=1024) as running:
        count = asyncio.run(_seed(running, world))
    seconds = perf_counter() - started
    facts = {"consents": count, "addresses": world.addresses, "seconds": round(seconds, 1)}
    (directory / MARKER).write_text(json.dumps(facts) + "\n")
    print(f"seeded {count} consents in {seconds:.0f} s", flush=True)
    return directory


def consents_in(directory: Path) -> int:
    """Return how many consents a seeded directory was given."""
    return int(json.loads((directory / MARKER).read_text())["consents"])


async def _seed(running: Product, world: World) -> int:
    owner = await asyncpg.connect(running.dsn)
    await _settings(owner, "SET {name} = {value}")
    iys_code = int(running.demo_text("provider", "iys_code"))
    await owner.executemany(
        "INSERT INTO brand (brand_code, iys_code, name) VALUES ($1, $2, $3)",
        [(code, iys_code, f"Ölçüm {code}") for code in world.brand_codes],
    )
    parts = _parts(running, world)
    last = parts[-1]
    await owner.execute(
        "SELECT setval('extent_id_seq', $1)", last.first_extent + len(list(last.extents()))
    )
    done = 0
    total = sum(len(part.members) for part in parts)
    with ProcessPoolExecutor(SEEDING_PROCESSES) as pool:
        for n, count in enumerate(pool.map(_seed_brand, parts), 1):
            done += count
            if n % 25 == 0:
                print(f"  {n} of {len(parts)} brands, {done} of {total} consents", flush=True)
    print("  vacuum", flush=True)
    await owner.execute("VACUUM (ANALYZE) movement, extent, consent, brand_head")
    await _settings(owner, "RESET {name}")
    await owner.execute("CHECKPOINT")
    await owner.close()
    return done


async def _settings(owner: "asyncpg.Connection[asyncpg.Record]", change: str) -> None:
    for name, value in WHILE_SEEDING.items():
        await owner.execute("ALTER SYSTEM " + change.format(name=name, value=value))
    await owner.execute("SELECT pg_reload_conf()")


def _parts(running: Product, world: World) -> list[Part]:
    month_ago = datetime.now(UTC) - timedelta(days=30)  # noqa: TID251  # data of today's ledger
    decided_at = (month_ago - EPOCH) // timedelta(microseconds=1)
    parts: list[Part] = []
    extent = 1
    for brand_code, members in zip(world.brand_codes, world.members(), strict=True):
        part = Part(running.dsn, running.keys_file, brand_code, members, extent, decided_at)
        parts.append(part)
        extent += -(-len(members) // EXTENT_SIZE)
    return parts


def _seed_brand(part: Part) -> int:
    """Write one brand in one transaction; runs in a process of its own."""
    return asyncio.run(_write_brand(part))


async def _write_brand(part: Part) -> int:
    keys = Keys(part.keys_file)
    connection = await asyncpg.connect(part.dsn)
    refused = sum(member & 1 for member in part.members)
    async with connection.transaction():
        last: tuple[int | None, int | None, int | None] = (None, None, None)
        for extent_id, base, members in part.extents():
            numbers = [number_of(member >> 1) for member in members]
            digests = keys.digests(numbers)
            consents = _consent_rows(part, extent_id, members, digests)
            movements = _movement_rows(part, keys, extent_id, members, numbers, digests)
            await _copy(connection, "consent", CONSENT_COLUMNS, consents)
            await _copy(connection, "movement", MOVEMENT_COLUMNS, movements)
            nonce = Random(f"{part.brand_code} {extent_id}").getrandbits(62)
            await connection.execute(
                "INSERT INTO extent (brand_code, extent_id, nonce, base_position, size, created_at)"
                " VALUES ($1, $2, $3, $4, $5, clock_timestamp())",
                *(part.brand_code, extent_id, nonce, base, len(members)),
            )
            last = (extent_id, nonce, len(members))
        await connection.execute(
            "UPDATE brand_head SET position = $2, extent_id = $3, extent_nonce = $4,"
            " extent_offset = $5, approvals = $6, rejections = $7 WHERE brand_code = $1",
            *(part.brand_code, len(part.members), *last, len(part.members) - refused, refused),
        )
    await connection.close()
    return len(part.members)


async def _copy(
    connection: "asyncpg.Connection[asyncpg.Record]",
    table: str,
    columns: tuple[str, ...],
    rows: Iterator[bytes],
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield COPY_HEAD
        chunk: list[bytes] = []
        for row in rows:
            chunk.append(row)
            if len(chunk) == COPY_ROWS:
                yield b"".join(chunk)
                chunk.clear()
        yield b"".join(chunk) + COPY_TAIL

    await connection.copy_to_table(table, source=chunks(), columns=columns, format="binary")


def _consent_rows(
    part: Part, extent_id: int, members: "array[int]", digests: list[bytes]
) -> Iterator[bytes]:
    """Yield rows in the server's binary form; what all rows share is put together once."""
    begin = struct.pack("!h", len(CONSENT_COLUMNS)) + b"".join(
        (*(_int(part.brand_code), _text("MESAJ"), _text("BIREYSEL"), _long(part.decided_at)),)
    )
    of_status = (begin + _text("ONAY") + _size(16), begin + _text("RET") + _size(16))
    extents = _long(extent_id) * 2
    for n, (member, digest) in enumerate(zip(members, digests, strict=True), 1):
        yield of_status[member & 1] + digest + extents + _int(n) * 2


def _movement_rows(
    part: Part,
    keys: Keys,
    extent_id: int,
    members: "array[int]",
    numbers: list[str],
    digests: list[bytes],
) -> Iterator[bytes]:
    begin = struct.pack("!h", len(MOVEMENT_COLUMNS)) + b"".join(
        (
            *(_int(part.brand_code), _long(extent_id), _long(part.decided_at), _text("MESAJ")),
            *(_text("BIREYSEL"), _text("HS_WEB"), _text("CONSENT")),
            struct.pack("!ih", 2, keys.sealing_key_id),
        )
    )
    of_status = (_text("ONAY") + _size(16), _text("RET") + _size(16))
    seal = keys.sealer(part.brand_code)
    size = _size(len(seal(numbers[0])))  # numbers are all of one length
    for n, (member, number, digest) in enumerate(zip(members, numbers, digests, strict=True), 1):
        yield begin + _int(n) + of_status[member & 1] + digest + size + seal(number)


def _size(size: int) -> bytes:
    return size.to_bytes(4, "big")


def _int(value: int) -> bytes:
    return b"\0\0\0\4" + value.to_bytes(4, "big")


def _long(value: int) -> bytes:
    return b"\0\0\0\10" + value.to_bytes(8, "big")


def _text(value: str) -> bytes:
    return _size(len(value)) + value.encode()


def main() -> None:
    """Seed one world."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--consents", type=int, default=100_000)
    parser.add_argument("--fewest", type=int, default=1, help="brands of an address, at least")
    parser.add_argument("--most", type=int, default=39, help="brands of an address, at most")
    options = parser.parse_args()
    print(seeded(World(options.consents, options.fewest, options.most)))


if __name__ == "__main__":
    main()
