"""Evidence on its way to the ledger, against a real ledger and real files."""

import fcntl
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from services.check import evidence as evidence_module
from services.check.evidence import EvidenceLog
from shared.ledger.evidence import Declaration
from shared.ledger.store import ReaderPool, open_reader, role_dsn


def declaration(n: int) -> Declaration:
    return Declaration(
        asked_at=datetime(2026, 3, 2, 9, 0, n, tzinfo=UTC),
        user_id=1,
        brand_code=None,
        channel="MESAJ",
        message_class="LEGAL_NOTICE",
        digest_key_id=1,
        digest=bytes(16),
        reason="EXEMPT",
    )


async def stored(owner: asyncpg.Connection) -> int:
    count: int = await owner.fetchval("SELECT count(*) FROM check_evidence")
    return count


async def run_once(pool: ReaderPool, spool: Path, *rows: Declaration) -> EvidenceLog:
    log = EvidenceLog(pool, spool)
    log.start()
    log.append(rows)
    await log.aclose()
    return log


async def test_rows_reach_the_ledger(
    reader: ReaderPool, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    await run_once(reader, tmp_path / "spool", declaration(1), declaration(2))
    assert await stored(owner) == 2
    assert not list((tmp_path / "spool").iterdir())


async def test_rows_wait_in_a_file_while_the_ledger_is_away(
    reader: ReaderPool, owner: asyncpg.Connection, ledger: str, tmp_path: Path
) -> None:
    async with open_reader(role_dsn(ledger, "izin_check"), size=1) as away:
        away.terminate()
        await run_once(away, tmp_path, declaration(1), declaration(2))
    assert await stored(owner) == 0
    assert [path.suffix for path in tmp_path.iterdir()] == [".jsonl"]
    await run_once(reader, tmp_path)
    assert await stored(owner) == 2
    assert not list(tmp_path.iterdir())


async def test_rows_that_neither_ledger_nor_disk_takes_go_on_waiting(
    ledger: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(_directory: Path, _rows: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(evidence_module, "_spool", full_disk)
    async with open_reader(role_dsn(ledger, "izin_check"), size=1) as away:
        away.terminate()
        log = await run_once(away, tmp_path, declaration(1), declaration(2))
    assert log._waiting == [declaration(1), declaration(2)]


async def test_a_torn_file_is_set_aside_and_holds_up_nobody(
    reader: ReaderPool, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    (tmp_path / "evidence-0.jsonl").write_bytes(b'{"asked_at": "2026-03')
    evidence_module._spool(tmp_path, [declaration(1)])
    await run_once(reader, tmp_path)
    assert await stored(owner) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["evidence-0.unreadable"]


async def test_a_file_that_another_process_is_storing_is_left_to_it(
    reader: ReaderPool, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    evidence_module._spool(tmp_path, [declaration(1)])
    [path] = tmp_path.iterdir()
    with path.open("rb") as theirs:
        fcntl.flock(theirs, fcntl.LOCK_EX)
        await run_once(reader, tmp_path)
        assert await stored(owner) == 0
    await run_once(reader, tmp_path)
    assert await stored(owner) == 1
