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
ROWS_A_SLICE = 500


@dataclass(frozen=True, slots=True)
class ManyKeys:
    """Keys of one brand, column by column."""

    brand_code: int
    digests: Sequence[bytes]
    channels: Sequence[Channel]
    recipient_types: Sequence[RecipientType]


# The first row (n = 0) is the snapshot's own: everything comes of one statement. OFFSET 0 keeps the planner
# from going through the brand's consents and looking for each among the keys.
KNOWN: LiteralString = """
    SELECT 0 AS n, s.directory_version, s.digest_key_id, pg_is_in_recovery() AS in_recovery, h.position,
           h.authority_version, NULL::consent_status AS status, NULL::timestamptz AS consent_date,
           NULL::timestamptz AS blocked_at, NULL::bigint AS latest_extent, NULL::integer AS latest_offset
      FROM ledger_state AS s
      LEFT JOIN brand_head AS h ON h.brand_code = $1
     UNION ALL
    SELECT k.n, NULL, NULL, NULL, NULL, NULL, c.status, c.consent_date, c.blocked_at, c.latest_extent,
           c.latest_offset
      FROM unnest($2::bytea[], for_every_row($3::channel[], cardinality($2)),
                  for_every_row($4::recipient_type[], cardinality($2)))
           WITH ORDINALITY AS k (digest, channel, recipient_type, n)
     CROSS JOIN LATERAL (
           SELECT status, consent_date, blocked_at, latest_extent, latest_offset
             FROM consent
            WHERE brand_code = $1 AND digest = k.digest AND channel = k.channel
              AND recipient_type = k.recipient_type
           OFFSET 0) AS c
"""

_STATUS = {"ONAY": Status.GRANTED, "RET": Status.WITHDRAWN, None: None}
_NO_ACCESS: frozenset[int] = frozenset()


async def read_known_states(
    pool: ReaderPool, keys: ManyKeys, *, digest_key_id: int
) -> list[KeySnapshot]:
    """Read keys in one statement and one snapshot, in the order given; retailers are not read.

    Probes `consent_pkey` once a key. Raises LedgerUnavailableError, DigestKeyRetiredError.
    """
    async with ledger_errors():
        rows = await pool.fetch(
            KNOWN,
            keys.brand_code,
            keys.digests,
            _words(keys.channels),
            _words(keys.recipient_types),
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
    for at, row in enumerate(known, 1):
        if not at % ROWS_A_SLICE:
            await asyncio.sleep(0)
        snapshots[row["n"] - 1] = KeySnapshot(
            position=unknown.position,
            authority_version=unknown.authority_version,
            directory_version=unknown.directory_version,
            state=ConsentState(_STATUS[row["status"]], row["consent_date"], row["blocked_at"]),
            latest=(row["latest_extent"], row["latest_offset"]),
            retailer_code=None,
            retailer_access=_NO_ACCESS,
        )
    return snapshots


def _words(members: Sequence[Channel] | Sequence[RecipientType]) -> list[str]:
    """Return the wire's words, one alone where they are all the same (`for_every_row`)."""
    if members and members.count(members[0]) == len(members):
        return [members[0].value]
    return [member.value for member in members]
