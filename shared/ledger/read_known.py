"""Reading the states of many keys of one brand, most of which are not there: only what is comes back."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from shared.domain.consent import Channel, ConsentState, RecipientType, Status
from shared.ledger.failures import DigestKeyRetiredError, LedgerUnavailableError, ledger_errors
from shared.ledger.read_state import KeySnapshot
from shared.ledger.store import ReaderPool

READ_TIMEOUT_S = 30
ROWS_A_SLICE = 1_000


@dataclass(frozen=True, slots=True)
class ManyKeys:
    """Keys of one brand, column by column."""

    brand_code: int
    digests: Sequence[bytes]
    channels: Sequence[Channel]
    recipient_types: Sequence[RecipientType]


# The first row is the snapshot's own: everything comes of one statement. The digests are looked for together,
# leaf by leaf of the index, which costs half of a probe each; of what is found the caller takes its keys.
KNOWN: LiteralString = """
    SELECT NULL::bytea AS digest, NULL::channel AS channel, NULL::recipient_type AS recipient_type,
           s.directory_version, s.digest_key_id, pg_is_in_recovery() AS in_recovery, h.position,
           h.authority_version, NULL::consent_status AS status, NULL::timestamptz AS consent_date,
           NULL::timestamptz AS blocked_at, NULL::bigint AS latest_extent, NULL::integer AS latest_offset
      FROM ledger_state AS s
      LEFT JOIN brand_head AS h ON h.brand_code = $1
     UNION ALL
    SELECT c.digest, c.channel, c.recipient_type, NULL, NULL, NULL, NULL, NULL, c.status, c.consent_date,
           c.blocked_at, c.latest_extent, c.latest_offset
      FROM consent AS c
     WHERE c.brand_code = $1 AND c.digest = ANY ($2::bytea[])
"""

_STATUS = {"ONAY": Status.GRANTED, "RET": Status.WITHDRAWN, None: None}
_NO_ACCESS: frozenset[int] = frozenset()


async def read_known_states(
    pool: ReaderPool, keys: ManyKeys, *, digest_key_id: int
) -> list[KeySnapshot]:
    """Read keys in one statement and one snapshot, in the order given; retailers are not read.

    Goes along `consent_pkey`. Raises LedgerUnavailableError, DigestKeyRetiredError.
    """
    async with ledger_errors():
        rows = await pool.fetch(
            KNOWN,
            keys.brand_code,
            keys.digests,
            timeout=READ_TIMEOUT_S,
        )
    if not rows or rows[0]["in_recovery"]:
        raise LedgerUnavailableError("not a primary")
    head, *known = rows
    if head["digest_key_id"] != digest_key_id:
        raise DigestKeyRetiredError("the ledger was re-keyed")
    unknown = KeySnapshot(
        position=head["position"],
        authority_version=head["authority_version"],
        directory_version=head["directory_version"],
        state=None,
        latest=None,
        retailer_code=None,
        retailer_access=_NO_ACCESS,
    )
    snapshots = [unknown] * len(keys.digests)
    if not known:
        return snapshots
    found = {(row["digest"], row["channel"], row["recipient_type"]): row for row in known}
    digests = {row["digest"] for row in known}
    for n, digest in enumerate(keys.digests):
        if not n % ROWS_A_SLICE:
            await asyncio.sleep(0)
        if digest not in digests:
            continue
        row = found.get((digest, keys.channels[n].value, keys.recipient_types[n].value))
        if row is not None:
            snapshots[n] = KeySnapshot(
                position=unknown.position,
                authority_version=unknown.authority_version,
                directory_version=unknown.directory_version,
                state=ConsentState(_STATUS[row["status"]], row["consent_date"], row["blocked_at"]),
                latest=(row["latest_extent"], row["latest_offset"]),
                retailer_code=None,
                retailer_access=_NO_ACCESS,
            )
    return snapshots
