"""Writing movements of one brand: one statement that commits itself (`append_movements_v2`)."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha256
from typing import LiteralString, NamedTuple

import asyncpg

from shared.domain.consent import NewConsent, Status
from shared.ledger.failures import (
    UNREACHABLE,
    CommitUnknownError,
    DigestKeyRetiredError,
    LedgerUnavailableError,
    MovementRefusedError,
    StaleStateError,
    ledger_errors,
)
from shared.ledger.store import Connection, WriterPool
from shared.telemetry import metrics

ACQUIRE_TIMEOUT_S = 5
REPLY_TIMEOUT_S = 15


class NewMovement(NamedTuple):
    """A judged change, ready to be stored.

    `consent.consent_date` of a block is the date of the refusal. `approvals` and `rejections` say how the
    brand's counts of keys in that state change. `expected` is the newest movement of the key that the
    judgement saw (extent, offset), None when the key was not there.

    With `is_access` the consent repeats the record on file, and its retailers are all that may use it from
    now on; nothing else of the record changes.
    """

    consent: NewConsent
    is_block: bool
    digest: bytes
    sealed: bytes
    approvals: int
    rejections: int
    expected: tuple[int, int] | None
    is_access: bool = False

    @property
    def kind(self) -> str:
        """The movement's kind, in the ledger's word."""
        if self.is_access:
            return "ACCESS"
        return "BLOCK" if self.is_block else "CONSENT"

    @property
    def is_refusal(self) -> bool:
        """Say whether a person refuses with it; a change of access only repeats what was said."""
        return self.consent.status is Status.WITHDRAWN and not self.is_access

    @property
    def key(self) -> tuple[bytes, str, str]:
        """What makes two movements touch the same consent."""
        return (self.digest, self.consent.channel.value, self.consent.recipient_type.value)


@dataclass(frozen=True, slots=True)
class Stored:
    """A movement that is in the ledger, durably. `transaction_id` is 64 hexadecimal characters.

    `movement` is where it stands: extent, and offset in it.
    """

    transaction_id: str
    created_at: datetime
    position: int
    movement: tuple[int, int]


def transaction_id(brand_code: int, extent_id: int, nonce: int, extent_offset: int) -> str:
    """Return the wire's id of a movement: derived, so it takes no room, and unique per movement (C10)."""
    return sha256(
        b"izin movement %d %d %d %d" % (brand_code, extent_id, nonce, extent_offset)
    ).hexdigest()


APPEND: LiteralString = """
    SELECT extent_id, base_position, created_at, left_out
      FROM append_movements_v2(
           $1, $2, $3, $4, $5, $6, $7, $8, $9::channel[], $10::recipient_type[],
           $11::movement_kind[], $12::consent_status[], $13::consent_source[], $14, $15, $16, $17, $18,
           $19)
"""


class Appender:
    """Appends movements to brands. Owns the listening for warnings on its connections.

    `committed` is told of each brand whose movements were stored. It must return at once and not raise.
    """

    def __init__(
        self,
        pool: WriterPool,
        *,
        digest_key_id: int,
        sealing_key_id: int,
        committed: Callable[[int], None] = lambda _brand_code: None,
    ) -> None:
        self._pool = pool
        self._digest_key_id = digest_key_id
        self._sealing_key_id = sealing_key_id
        self._committed = committed

    async def append(
        self, brand_code: int, movements: Sequence[NewMovement], *, wait: bool
    ) -> tuple[list[Stored], list[int]]:
        """Append all, or none and say which keys are in the way (their indexes, from 0).

        With `wait` the call waits for locked keys; without, it leaves them out. Movements are of
        different keys. Raises StaleStateError when a key appeared meanwhile or a lock was not to be had in
        time, MovementRefusedError when the schema refuses one of them, CommitUnknownError when the
        outcome is not known, LedgerUnavailableError. Nobody cancels this call: a cancelled COMMIT may be
        half a promise (design 4).
        """
        nonce = secrets.randbits(63)
        arguments = self._arguments(brand_code, movements, nonce=nonce, wait=wait)
        row = await run_append(self._pool, APPEND, arguments)
        if row["left_out"]:
            return [], [n - 1 for n in row["left_out"]]
        self._committed(brand_code)
        return stored_from(row, brand_code, nonce, count=len(movements)), []

    def _arguments(
        self, brand_code: int, movements: Sequence[NewMovement], *, nonce: int, wait: bool
    ) -> list[object]:
        return [
            brand_code,
            self._digest_key_id,
            self._sealing_key_id,
            nonce,
            wait,
            sum(movement.approvals for movement in movements),
            sum(movement.rejections for movement in movements),
            *movement_columns(movements),
        ]


def movement_columns(movements: Sequence[NewMovement]) -> list[list[object]]:
    """Return movements as the arrays that the appending functions of the ledger take, in their order."""
    consents = [movement.consent for movement in movements]
    return [
        [movement.digest for movement in movements],
        _words([consent.channel for consent in consents]),
        _words([consent.recipient_type for consent in consents]),
        [movement.kind for movement in movements],
        _words([consent.status for consent in consents]),
        _words([consent.source for consent in consents]),
        [consent.consent_date for consent in consents],
        [consent.retailer_code for consent in consents],
        [_array_literal(consent.retailer_access) for consent in consents],
        [movement.sealed for movement in movements],
        [None if m.expected is None else m.expected[0] for m in movements],
        [None if m.expected is None else m.expected[1] for m in movements],
    ]


def _words(members: Sequence[Enum | None]) -> list[object]:
    """Return the wire's words; nearly always it is one, and asking a member for its word is slow."""
    if members and members.count(members[0]) == len(members):
        word: object = None if members[0] is None else members[0].value
        return [word] * len(members)
    return [None if member is None else member.value for member in members]


def stored_from(row: asyncpg.Record, brand_code: int, nonce: int, *, count: int) -> list[Stored]:
    """Return what an appending function has stored, in the order of its movements."""
    extent_id, base, created_at = row["extent_id"], row["base_position"], row["created_at"]
    return [
        Stored(
            transaction_id(brand_code, extent_id, nonce, n), created_at, base + n, (extent_id, n)
        )
        for n in range(1, count + 1)
    ]


async def run_append(
    pool: WriterPool, statement: str, arguments: Sequence[object]
) -> asyncpg.Record:
    """Run a statement that appends and commits itself, and return its row.

    Raises as `Appender.append`; nobody cancels it.
    """
    warnings: list[str] = []
    async with ledger_errors():  # nothing is sent yet, so a failure here leaves nothing open
        connection = await pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
    try:
        try:
            rows = await _fetch_listening(connection, statement, arguments, warnings)
        finally:
            await pool.release(connection)
    except asyncpg.PostgresError as error:
        raise _translated(error) from error
    except UNREACHABLE as error:
        metrics.LEDGER_ERRORS_TOTAL.add("commit_unknown")
        raise CommitUnknownError(type(error).__name__) from error
    if warnings:
        metrics.LEDGER_ERRORS_TOTAL.add("commit_unknown")
        raise CommitUnknownError("the commit came with a warning")
    return rows[0]


def _array_literal(codes: Sequence[int]) -> str | None:
    """Arrays of arrays must be rectangular in Postgres, so each list of retailers travels as text."""
    return "{" + ",".join(map(str, codes)) + "}" if codes else None


async def _fetch_listening(
    connection: Connection, statement: str, arguments: Sequence[object], warnings: list[str]
) -> list[asyncpg.Record]:
    """Run the append and collect what the server warns of, such as a COMMIT without its standby."""

    def listen(_connection: object, message: asyncpg.PostgresLogMessage) -> None:
        if message.severity_en == "WARNING":
            warnings.append(message.sqlstate or "")

    connection.add_log_listener(listen)
    try:
        # `fetch`, not `fetchrow`: the statement runs to its end and commits before the reply is complete.
        reply = asyncio.ensure_future(connection.fetch(statement, *arguments))
        await asyncio.wait({reply}, timeout=REPLY_TIMEOUT_S)
        if not reply.done():
            # The server ends a transaction sooner than this, so nobody is there. Hang up, cancel nothing.
            connection.terminate()
        return await reply
    finally:
        if not connection.is_closed():
            connection.remove_log_listener(listen)


def _translated(error: asyncpg.PostgresError) -> Exception:
    match error.sqlstate:
        # Something moved on; a lock was not to be had; a deadlock.
        case "IZ001" | "55P03" | "40P01":
            metrics.LEDGER_ERRORS_TOTAL.add("conflict")
            return StaleStateError(error.sqlstate)
        case "23505" if error.constraint_name == "consent_pkey":  # a key appeared
            metrics.LEDGER_ERRORS_TOTAL.add("conflict")
            return StaleStateError(error.sqlstate)
        case str(state) if state[:2] in {"22", "23"}:  # a value, or a constraint, of one movement
            return MovementRefusedError(state)
        case "IZ002":
            return DigestKeyRetiredError("the ledger was re-keyed")
        case str(state) if state[:2] in {"08", "57", "53", "58", "XX", "25"}:
            # The connection broke, the server goes down, or the transaction was ended for its age:
            # before or after the commit, nobody here can tell.
            return CommitUnknownError(state)
        case _:
            return LedgerUnavailableError(type(error).__name__)
