"""The one read that every decision stands on: state of keys, heads of their brands, versions.

Everything in a row is of one snapshot: a consent, its block, the brand's position and authority version,
the directory's version, and whether this server may be believed at all (design 5, rules 5 and 6).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from shared.domain.consent import Channel, ConsentState, RecipientType, Status
from shared.ledger.failures import DigestKeyRetiredError, LedgerUnavailableError, ledger_errors
from shared.ledger.store import ReaderPool

READ_TIMEOUT_S = 5
ROWS_A_SLICE = 500


@dataclass(frozen=True, slots=True)
class Key:
    """What is asked for. Without a digest only the brand's head is read."""

    brand_code: int
    channel: Channel = Channel.SMS
    recipient_type: RecipientType = RecipientType.INDIVIDUAL
    digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class KeySnapshot:
    """One key as it stood at one moment.

    `position` and `authority_version` are None where the brand is unknown. `latest` identifies the
    newest movement of the key (extent, offset).
    """

    position: int | None
    authority_version: int | None
    directory_version: int
    state: ConsentState | None
    latest: tuple[int, int] | None
    retailer_code: int | None
    retailer_access: frozenset[int]


STATES: LiteralString = """
    SELECT k.n,
           s.directory_version,
           s.digest_key_id,
           pg_is_in_recovery() AS in_recovery,
           h.position,
           h.authority_version,
           c.status,
           c.consent_date,
           c.blocked_at,
           c.latest_extent,
           c.latest_offset,
           c.retailer_code,
           c.retailer_access
      FROM unnest($1::integer[], $2::bytea[], $3::channel[], $4::recipient_type[])
           WITH ORDINALITY AS k (brand_code, digest, channel, recipient_type, n)
     CROSS JOIN ledger_state AS s
      LEFT JOIN brand_head AS h
        ON h.brand_code = k.brand_code
      LEFT JOIN consent AS c
        ON c.brand_code = k.brand_code
       AND c.digest = k.digest
       AND c.channel = k.channel
       AND c.recipient_type = k.recipient_type
"""

_STATUS = {"ONAY": Status.GRANTED, "RET": Status.WITHDRAWN, None: None}
_NO_ACCESS: frozenset[int] = frozenset()
# A caller may name any number. One that the column cannot hold must not fail the statement that others
# share, so it is asked for as one that no brand has.
_CODE_MAX = 2**31 - 1
_NOBODYS = 0


async def read_states(
    pool: ReaderPool, keys: Sequence[Key], *, digest_key_id: int
) -> list[KeySnapshot]:
    """Read keys in one statement and one snapshot, in the order given.

    Probes `consent_pkey` and `brand_head_pkey` once a key. Raises LedgerUnavailableError when the server
    does not answer or is a standby, DigestKeyRetiredError when the digests are of another key.
    """
    async with ledger_errors():
        rows = await pool.fetch(
            STATES,
            [key.brand_code if 0 < key.brand_code <= _CODE_MAX else _NOBODYS for key in keys],
            [key.digest for key in keys],
            [key.channel.value for key in keys],
            [key.recipient_type.value for key in keys],
            timeout=READ_TIMEOUT_S,
        )
    if len(rows) != len(keys) or rows[0]["in_recovery"]:
        raise LedgerUnavailableError("not a primary")
    if rows[0]["digest_key_id"] != digest_key_id:
        raise DigestKeyRetiredError("the ledger was re-keyed")
    snapshots: list[KeySnapshot | None] = [None] * len(keys)
    for at, row in enumerate(rows, 1):
        if not at % ROWS_A_SLICE:
            await asyncio.sleep(0)  # a large answer must not hold up the small ones beside it
        (
            n,
            directory_version,
            _key_id,
            _in_recovery,
            position,
            authority_version,
            status,
            consent_date,
            blocked_at,
            latest_extent,
            latest_offset,
            retailer_code,
            retailer_access,
        ) = row
        snapshots[n - 1] = KeySnapshot(
            position=position,
            authority_version=authority_version,
            directory_version=directory_version,
            state=None
            if latest_extent is None
            else ConsentState(_STATUS[status], consent_date, blocked_at),
            latest=None if latest_extent is None else (latest_extent, latest_offset),
            retailer_code=retailer_code,
            retailer_access=frozenset(retailer_access) if retailer_access else _NO_ACCESS,
        )
    return [snapshot for snapshot in snapshots if snapshot is not None]
