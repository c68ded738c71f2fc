"""Declared exemptions, kept as evidence (regulation A11). The check role may INSERT here, nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from shared.ledger.failures import ledger_errors
from shared.ledger.store import Pool

WRITE_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Declaration:
    """Somebody declared a message exempt; the address is there as its digest only."""

    asked_at: datetime
    user_id: int
    brand_code: int | None
    channel: str
    message_class: str
    digest_key_id: int
    digest: bytes
    reason: str


EVIDENCE: LiteralString = """
    INSERT INTO check_evidence (asked_at, user_id, brand_code, channel, message_class, digest_key_id,
                                digest, reason)
    SELECT * FROM unnest($1::timestamptz[], $2::integer[], $3::integer[], $4::channel[], $5::text[],
                         $6::smallint[], $7::bytea[], $8::text[])
"""


async def append_evidence(pool: Pool, declarations: Sequence[Declaration]) -> None:
    """Append declarations in one statement; raises LedgerUnavailableError, and then none is stored."""
    async with ledger_errors():
        await pool.execute(
            EVIDENCE,
            [d.asked_at for d in declarations],
            [d.user_id for d in declarations],
            [d.brand_code for d in declarations],
            [d.channel for d in declarations],
            [d.message_class for d in declarations],
            [d.digest_key_id for d in declarations],
            [d.digest for d in declarations],
            [d.reason for d in declarations],
            timeout=WRITE_TIMEOUT_S,
        )
