"""Changing the digest key: every address is opened, digested anew, and the tables are swapped.

All in one transaction: it happens whole or not at all, and nobody reads in between. The ledger itself
says which digest key it uses (`ledger_state`), so a crash on either side of the commit leaves a ledger
and a key file that fit: the file holds both keys before the work begins. A process that still digests
with the old key is refused by every read and write (DigestKeyRetiredError) until it is restarted.
"""

from collections.abc import Callable, Sequence
from typing import LiteralString

from shared.ledger.failures import ledger_errors
from shared.ledger.migrate import HERE
from shared.ledger.retailers import sealed_retailers, set_digests
from shared.ledger.store import Connection, connect
from shared.ledger.tail import read_tail
from shared.sealing.addresses import Digester, Sealer
from shared.sealing.keyring import KeyRing
from shared.sealing.retailer_details import DetailSealer, IdDigester

BATCH = 5_000
PREFETCH = 5_000

Progress = Callable[[str, int, int], None]


class RekeyRefusedError(Exception):
    """The new tables are not what they must be; nothing was changed."""


ADDRESSES: LiteralString = """
    SELECT DISTINCT ON (digest) digest, brand_code, sealed, sealing_key_id
      FROM movement
     ORDER BY digest
"""
# In the order in which writers and readers take them, or they and we would wait for each other. Every
# writer holds `ledger_state` until it has committed, so behind it nobody is half-way.
LOCK: LiteralString = """
    LOCK TABLE ledger_state, consent, movement IN ACCESS EXCLUSIVE MODE
"""
PREPARE: LiteralString = """
    CREATE TEMPORARY TABLE digest_map (
        old_digest bytea NOT NULL, new_digest bytea NOT NULL) ON COMMIT DROP;
    CREATE TABLE movement_rekeyed (LIKE movement INCLUDING ALL);
    CREATE TABLE consent_rekeyed (LIKE consent INCLUDING ALL) WITH (fillfactor = 90);
"""
FILL: LiteralString = """
    CREATE UNIQUE INDEX ON digest_map (old_digest);
    CREATE UNIQUE INDEX ON digest_map (new_digest);
    ANALYZE digest_map;
    INSERT INTO movement_rekeyed (
           brand_code, extent_id, previous_extent, consent_date, extent_offset, previous_offset, channel,
           recipient_type, status, source, retailer_code, kind, sealing_key_id, digest, sealed,
           retailer_access)
    SELECT m.brand_code, m.extent_id, m.previous_extent, m.consent_date, m.extent_offset,
           m.previous_offset, m.channel, m.recipient_type, m.status, m.source, m.retailer_code, m.kind,
           m.sealing_key_id, d.new_digest, m.sealed, m.retailer_access
      FROM movement AS m
      JOIN digest_map AS d ON d.old_digest = m.digest;
    INSERT INTO consent_rekeyed (
           brand_code, channel, recipient_type, status, consent_date, blocked_at, recorded_extent,
           latest_extent, recorded_offset, latest_offset, retailer_code, digest, retailer_access)
    SELECT c.brand_code, c.channel, c.recipient_type, c.status, c.consent_date, c.blocked_at,
           c.recorded_extent, c.latest_extent, c.recorded_offset, c.latest_offset, c.retailer_code,
           d.new_digest, c.retailer_access
      FROM consent AS c
      JOIN digest_map AS d ON d.old_digest = c.digest;
"""
# Counted in the old tables and in the new ones: nothing may be lost, a refusal least of all.
COUNTS: LiteralString = """
    SELECT (SELECT count(*) FROM movement) - (SELECT count(*) FROM movement_rekeyed),
           (SELECT count(*) FROM consent) - (SELECT count(*) FROM consent_rekeyed),
           (SELECT count(*) FROM consent WHERE status = 'RET' OR blocked_at IS NOT NULL)
               - (SELECT count(*) FROM consent_rekeyed WHERE status = 'RET' OR blocked_at IS NOT NULL)
"""
SWAP: LiteralString = """
    DROP TABLE movement;
    DROP TABLE consent;
    ALTER TABLE movement_rekeyed RENAME TO movement;
    ALTER TABLE consent_rekeyed RENAME TO consent;
    ALTER TABLE movement RENAME CONSTRAINT movement_rekeyed_pkey TO movement_pkey;
    ALTER TABLE consent RENAME CONSTRAINT consent_rekeyed_pkey TO consent_pkey;
    ALTER INDEX consent_rekeyed_digest_idx RENAME TO consent_by_digest;
    ALTER INDEX movement_rekeyed_brand_code_extent_id_extent_offset_idx RENAME TO movement_of_registry;
    CREATE TRIGGER movement_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON movement
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
USED_KEY: LiteralString = "SELECT digest_key_id FROM ledger_state"
USE_KEY: LiteralString = """
    UPDATE ledger_state SET digest_key_id = $1, digest_key_proof = $2
"""
BRANDS: LiteralString = "SELECT brand_code FROM brand_head WHERE position > 0 ORDER BY brand_code"
COUNT_MOVEMENTS: LiteralString = "SELECT count(*) FROM movement"


async def active_digest_key(dsn: str) -> int:
    """Return the id of the key that this ledger's digests are made with."""
    connection = await connect(dsn)
    try:
        key_id: int = await connection.fetchval(USED_KEY)
        return key_id
    finally:
        await connection.close()


async def rekey(dsn: str, ring: KeyRing, *, new_key_id: int, progress: Progress) -> int:
    """Digest every address with another key of `ring`; return how many addresses there are.

    `progress(stage, done, total)` is called along the way. Raises RekeyRefusedError, SealBrokenError,
    LedgerUnavailableError; then the ledger is as it was.
    """
    connection = await connect(dsn, statement_timeout="0", lock_timeout="3s")
    try:
        async with ledger_errors(), connection.transaction():
            await connection.execute(LOCK)
            await connection.execute(PREPARE)
            addresses = await _map_digests(connection, ring, new_key_id, progress)
            await connection.execute(FILL)
            await _refuse_unless_equal(connection)
            await connection.execute(SWAP)
            await _redigest_retailers(connection, ring, new_key_id)
            await connection.execute((HERE / "roles.sql").read_text())
            await _prove_every_movement(connection, ring, new_key_id, progress)
            await connection.execute(USE_KEY, new_key_id, Digester(ring, key_id=new_key_id).proof)
    finally:
        await connection.close()
    return addresses


async def _map_digests(
    connection: Connection, ring: KeyRing, new_key_id: int, progress: Progress
) -> int:
    sealer, digester = Sealer(ring), Digester(ring, key_id=new_key_id)
    used: int = await connection.fetchval(USED_KEY)
    if used not in ring.digest_keys:
        raise RekeyRefusedError(f"digest key {used}, which the ledger uses, is not in the key file")
    before = Digester(ring, key_id=used)
    total: int = await connection.fetchval("SELECT count(DISTINCT digest) FROM movement")
    mapped = 0
    rows: list[tuple[bytes, bytes]] = []
    async for row in connection.cursor(ADDRESSES, prefetch=PREFETCH):
        address = sealer.open(
            row["sealed"], brand_code=row["brand_code"], key_id=row["sealing_key_id"]
        )
        if before.digest(address) != row["digest"]:
            raise RekeyRefusedError(
                f"brand {row['brand_code']}: a sealed address is somebody else's"
            )
        rows.append((row["digest"], digester.digest(address)))
        if len(rows) == BATCH:
            await _copy_map(connection, rows)
            mapped += len(rows)
            progress("digests", mapped, total)
            rows = []
    await _copy_map(connection, rows)
    progress("digests", total, total)
    return total


async def _redigest_retailers(connection: Connection, ring: KeyRing, new_key_id: int) -> None:
    """Find the numbers of retailers by the new key, too; they are few beside the addresses."""
    sealer, digester = DetailSealer(ring), IdDigester(ring, key_id=new_key_id)
    digests: list[tuple[int, bytes, bytes | None]] = []
    for row in await sealed_retailers(connection):
        details = sealer.open(
            row["sealed"], brand_code=row["brand_code"], key_id=row["sealing_key_id"]
        )
        mersis = details.get("mersis")
        digests.append(
            (
                row["retailer_code"],
                digester.digest(details["tckn"], kind="tckn"),
                None if mersis is None else digester.digest(mersis, kind="mersis"),
            )
        )
    await set_digests(connection, digests)


async def _copy_map(connection: Connection, rows: Sequence[tuple[bytes, bytes]]) -> None:
    await connection.copy_records_to_table(
        "digest_map", records=rows, columns=["old_digest", "new_digest"]
    )


async def _refuse_unless_equal(connection: Connection) -> None:
    row = await connection.fetchrow(COUNTS)
    if row is None or any(row):
        raise RekeyRefusedError(f"the new tables differ from the old ones: {row}")


async def _prove_every_movement(
    connection: Connection, ring: KeyRing, new_key_id: int, progress: Progress
) -> None:
    """Open every movement in the new table and compare its digest with its address."""
    sealer, digester = Sealer(ring), Digester(ring, key_id=new_key_id)
    total: int = await connection.fetchval(COUNT_MOVEMENTS)
    proven = 0
    for brand in await connection.fetch(BRANDS):
        after = 0
        while tail := await read_tail(connection, brand["brand_code"], after=after, limit=BATCH):
            for movement in tail:
                address = sealer.open(
                    movement.sealed,
                    brand_code=brand["brand_code"],
                    key_id=movement.sealing_key_id,
                )
                if digester.digest(address) != movement.digest:
                    raise RekeyRefusedError(f"brand {brand['brand_code']}: {movement.position}")
            after = tail[-1].position
            proven += len(tail)
            progress("proof", proven, total)
    if proven != total:
        raise RekeyRefusedError(f"{total - proven} movements stand in no brand's order")
