"""Declared exemptions on their way to the ledger: kept at once, stored soon, never waited for.

An answer hands its rows over and goes. They are stored in the background; while the ledger is away they
wait in a local file, which holds digests and no address, and are stored when it is back, also by the
next process. A row may be stored twice after a crash, never lost once it is in the file.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, cast

import orjson
import structlog

from shared.ledger.evidence import Declaration, append_evidence
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.store import ReaderPool
from shared.telemetry import metrics

FLUSH_INTERVAL_S: Final = 0.2
ROWS_A_STATEMENT_MAX: Final = 5_000
_log: Final[structlog.typing.FilteringBoundLogger] = structlog.get_logger()


class EvidenceLog:
    """Takes declarations and sees to it that they reach the ledger."""

    def __init__(self, pool: ReaderPool, spool_dir: Path) -> None:
        self._pool = pool
        self._spool_dir = spool_dir
        self._waiting: list[Declaration] = []
        self._stopping = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    def append(self, declarations: Iterable[Declaration]) -> None:
        """Take rows; returns at once."""
        self._waiting.extend(declarations)
        metrics.EVIDENCE_ROWS_BUFFERED.set(len(self._waiting))

    def start(self) -> None:
        """Begin storing in the background."""
        self._spool_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._work = asyncio.get_running_loop().create_task(self._run())

    async def aclose(self) -> None:
        """Store what waits, or leave it in the file for the next process."""
        self._stopping.set()
        if self._work is not None:
            await self._work

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(FLUSH_INTERVAL_S):
                    await self._stopping.wait()
            except TimeoutError:
                await self._flush()
        await self._flush()

    async def _flush(self) -> None:
        rows, self._waiting = self._waiting, []
        try:
            for at in range(0, len(rows), ROWS_A_STATEMENT_MAX):
                await self._store(rows[at : at + ROWS_A_STATEMENT_MAX])
            await self._store_spooled()
        except Exception as error:  # noqa: BLE001  # this task must outlive whatever happens to a row
            _log.error("check.evidence.failed", exc_info=error)
        metrics.EVIDENCE_ROWS_BUFFERED.set(len(self._waiting))

    async def _store(self, rows: Sequence[Declaration]) -> None:
        try:
            await append_evidence(self._pool, rows)
        except LedgerUnavailableError:
            await asyncio.to_thread(_spool, self._spool_dir, rows)
        else:
            metrics.EVIDENCE_ROWS_WRITTEN.inc(len(rows))

    async def _store_spooled(self) -> None:
        for path in sorted(self._spool_dir.glob("evidence-*.jsonl")):
            rows = await asyncio.to_thread(_read_spool, path)
            try:
                await append_evidence(self._pool, rows)
            except LedgerUnavailableError:
                return
            metrics.EVIDENCE_ROWS_WRITTEN.inc(len(rows))
            path.unlink(missing_ok=True)


def _spool(directory: Path, rows: Sequence[Declaration]) -> None:
    """Write rows to a file of their own, whole before it gets its name."""
    stamp = int(rows[0].asked_at.timestamp() * 1_000_000)
    path = directory / f"evidence-{stamp}-{id(rows)}.jsonl"
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        for row in rows:
            file.write(orjson.dumps(_to_json(row), option=orjson.OPT_APPEND_NEWLINE))
    draft.rename(path)


def _read_spool(path: Path) -> list[Declaration]:
    return [_from_json(line) for line in path.read_bytes().splitlines()]


def _to_json(row: Declaration) -> dict[str, object]:
    return {
        "asked_at": row.asked_at,
        "user_id": row.user_id,
        "brand_code": row.brand_code,
        "channel": row.channel,
        "message_class": row.message_class,
        "digest_key_id": row.digest_key_id,
        "digest": row.digest.hex(),
        "reason": row.reason,
    }


def _from_json(line: bytes) -> Declaration:
    fields = cast("dict[str, object]", orjson.loads(line))
    return Declaration(
        asked_at=datetime.fromisoformat(cast("str", fields["asked_at"])),
        user_id=cast("int", fields["user_id"]),
        brand_code=cast("int | None", fields["brand_code"]),
        channel=cast("str", fields["channel"]),
        message_class=cast("str", fields["message_class"]),
        digest_key_id=cast("int", fields["digest_key_id"]),
        digest=bytes.fromhex(cast("str", fields["digest"])),
        reason=cast("str", fields["reason"]),
    )
