"""The audit of what the registry itself writes: who wanted it, and what came of it.

An action is stored before its movement, its outcome before anybody is told. Both only grow: no service role
may change or delete a row. The address is there as its digest only.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from shared.domain.registry_movements import Effect
from shared.ledger.failures import ledger_errors
from shared.ledger.read_state import Key
from shared.ledger.store import WriterPool

WRITE_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Actor:
    """Who wants something written: a user, or (None) a process by itself. `reference` holds no address."""

    process: str
    user_id: int | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """What is to be decided about one consent."""

    acted_at: datetime
    actor: Actor
    key: Key
    status: str
    source: str
    digest_key_id: int


ACTION: LiteralString = """
    INSERT INTO system_action (acted_at, user_id, process, reference, brand_code, channel, recipient_type,
                               status, source, digest_key_id, digest)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    RETURNING action_id
"""


async def save_action(pool: WriterPool, action: Action) -> int:
    """Store an action before it is carried out; return its number. Raises LedgerUnavailableError."""
    async with ledger_errors():
        action_id: int = await pool.fetchval(
            ACTION,
            action.acted_at,
            action.actor.user_id,
            action.actor.process,
            action.actor.reference,
            action.key.brand_code,
            action.key.channel.value,
            action.key.recipient_type.value,
            action.status,
            action.source,
            action.digest_key_id,
            action.key.digest,
            timeout=WRITE_TIMEOUT_S,
        )
        return action_id


OUTCOME: LiteralString = """
    INSERT INTO system_outcome (action_id, brand_code, channel, recipient_type, outcome, transaction_id)
    VALUES ($1, $2, $3, $4, $5, $6)
"""


async def save_outcome(
    pool: WriterPool, action_id: int, key: Key, effect: Effect, *, transaction_id: str | None
) -> None:
    """Store what came of an action, before it is acknowledged. Raises LedgerUnavailableError."""
    async with ledger_errors():
        await pool.execute(
            OUTCOME,
            action_id,
            key.brand_code,
            key.channel.value,
            key.recipient_type.value,
            effect.value,
            None if transaction_id is None else bytes.fromhex(transaction_id),
            timeout=WRITE_TIMEOUT_S,
        )
