"""Declared exemptions on their way to the ledger: kept at once, stored soon, never waited for.

An answer hands its rows over and goes. They are stored in the background; while the ledger is away they
wait in a local file, which holds digests and no address, and are stored when it is back, also by the
next process. A row may be stored twice after a crash, and is not lost once it is in the file.
"""

import asyncio
import fcntl
import os
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, cast

import orjson
import structlog

from shared.ledger.evidence import Declaration, append_evidence
from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.store import ReaderPool
from shared.telemetry import metrics

FLUSH_INTERVAL_S: Final = 0.2
ROWS_A_STATEMENT_MAX: Final = 5_000
ROWS_WAITING_MAX: Final = 1_000_000
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
        """Store what waits, then what waits in files; what can be stored nowhere goes on waiting."""
        rows, self._waiting = self._waiting, []
        stored = 0
        try:
            for at in range(0, len(rows), ROWS_A_STATEMENT_MAX):
                await self._store(rows[at : at + ROWS_A_STATEMENT_MAX])
                stored = at + ROWS_A_STATEMENT_MAX
            await self._store_spooled()
        except Exception as error:  # noqa: BLE001  # this task must outlive whatever happens to a row
            _log.error("check.evidence.failed", exc_info=error)
        self._waiting[:0] = rows[stored:]
        self._shed()
        metrics.EVIDENCE_ROWS_BUFFERED.set(len(self._waiting))

    def _shed(self) -> None:
        """Keep the memory bounded when neither ledger nor disk takes a row."""
        excess = len(self._waiting) - ROWS_WAITING_MAX
        if excess > 0:
            del self._waiting[:excess]
            _log.error("check.evidence.lost", rows=excess)

    async def _store(self, rows: Sequence[Declaration]) -> None:
        try:
            await append_evidence(self._pool, rows)
        except LedgerUnavailableError:
            await asyncio.to_thread(_spool, self._spool_dir, rows)
        else:
            metrics.EVIDENCE_ROWS_WRITTEN.inc(len(rows))

    async def _store_spooled(self) -> None:
        for path in await asyncio.to_thread(_spooled, self._spool_dir):
            file = await asyncio.to_thread(_open_alone, path)
            if file is None:
                continue  # another process of this directory is at it
            with file:
                rows = await asyncio.to_thread(_read_spool, path, file)
                try:
                    await append_evidence(self._pool, rows)
                except LedgerUnavailableError:
                    return
                metrics.EVIDENCE_ROWS_WRITTEN.inc(len(rows))
                await asyncio.to_thread(path.unlink, missing_ok=True)


def _spool(directory: Path, rows: Sequence[Declaration]) -> None:
    """Write rows to a file of their own, on disk before it gets its name."""
    path = directory / f"evidence-{secrets.token_hex(8)}.jsonl"
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        for row in rows:
            file.write(orjson.dumps(_to_json(row), option=orjson.OPT_APPEND_NEWLINE))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    folder = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _spooled(directory: Path) -> list[Path]:
    return sorted(directory.glob("evidence-*.jsonl"))


def _open_alone(path: Path) -> BinaryIO | None:
    """Open a file that no other process is storing; its lock ends with whoever holds it."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.exists():
            return file
    except BlockingIOError:
        pass
    file.close()
    return None


def _read_spool(path: Path, file: BinaryIO) -> list[Declaration]:
    """Return a file's rows; one that cannot be read is set aside, and named in the log."""
    try:
        return [_from_json(line) for line in file.read().splitlines()]
    except (ValueError, KeyError, TypeError):
        path.rename(path.with_suffix(".unreadable"))
        _log.error("check.evidence.unreadable", file=path.name)
        return []


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
