"""Is this a ledger that we can work with? Asked at the start, and by `/readyz` ever after."""

from typing import LiteralString

from shared.ledger.failures import DigestKeyRetiredError, LedgerUnavailableError, ledger_errors
from shared.ledger.migrate import require_schema
from shared.ledger.store import Pool, ReaderPool, WriterPool
from shared.sealing.addresses import Digester
from shared.sealing.keyring import KeyFileError, KeyRing

READ_TIMEOUT_S = 5

DIGEST_KEY: LiteralString = "SELECT digest_key_id, digest_key_proof FROM ledger_state"
CLAIM: LiteralString = """
    UPDATE ledger_state
       SET digest_key_proof = COALESCE(digest_key_proof, $1)
    RETURNING digest_key_proof
"""
FITNESS: LiteralString = """
    SELECT pg_is_in_recovery() AS in_recovery, digest_key_id FROM ledger_state
"""


async def open_ledger(pool: ReaderPool, ring: KeyRing) -> Digester:
    """Return the digester with the key that this ledger's digests are made with.

    Raises SchemaMismatchError when the schema is older than this code needs, KeyFileError when the ring
    does not hold that key (or another installation's key of that number), LedgerUnavailableError.
    """
    async with ledger_errors(), pool.acquire() as connection:
        await require_schema(connection)
        row = await connection.fetchrow(DIGEST_KEY, timeout=READ_TIMEOUT_S)
    if row is None or row["digest_key_id"] not in ring.digest_keys:
        raise KeyFileError("the key file lacks the digest key that this ledger uses")
    digester = Digester(ring, key_id=row["digest_key_id"])
    _require_same_key(row["digest_key_proof"], digester)
    return digester


async def require_primary(pool: ReaderPool) -> None:
    """Refuse a ledger that a process without keys cannot work with.

    Raises SchemaMismatchError when the schema is older than this code needs, LedgerUnavailableError when the
    server does not answer or is a standby.
    """
    async with ledger_errors(), pool.acquire() as connection:
        await require_schema(connection)
        row = await connection.fetchrow(FITNESS, timeout=READ_TIMEOUT_S)
    if row is None or row["in_recovery"]:
        raise LedgerUnavailableError("not a primary")


async def claim_ledger(pool: WriterPool, digester: Digester) -> None:
    """Leave the proof of the digest key in a ledger that has none yet; raises as `open_ledger`."""
    async with ledger_errors():
        proof: bytes = await pool.fetchval(CLAIM, digester.proof, timeout=READ_TIMEOUT_S)
    _require_same_key(proof, digester)


async def require_fit(pool: Pool, digester: Digester) -> None:
    """Raise LedgerUnavailableError unless the ledger answers, as a primary, and digests with our key."""
    async with ledger_errors():
        row = await pool.fetchrow(FITNESS, timeout=READ_TIMEOUT_S)
    if row is None or row["in_recovery"]:
        raise LedgerUnavailableError("not a primary")
    if row["digest_key_id"] != digester.key_id:
        raise DigestKeyRetiredError("the ledger was re-keyed: restart this process")


def _require_same_key(proof: bytes | None, digester: Digester) -> None:
    if proof not in {None, digester.proof}:
        raise KeyFileError(
            "the key file is of another installation: with it every address would look unknown"
        )
