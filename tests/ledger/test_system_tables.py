"""The audit of the registry's own movements only grows, and holds no address."""

import asyncpg
import pytest

from shared.ledger.store import role_dsn
from tests.support.ledger import owner_connection

ACTION = """
    INSERT INTO system_action (acted_at, process, reference, status, source, digest_key_id, digest)
    VALUES (now(), 'test', $1, 'RET', $2, 1, '\\x00000000000000000000000000000000')
    RETURNING action_id
"""
CHANGES = [
    "UPDATE system_action SET reference = 'x'",
    "DELETE FROM system_action",
    "TRUNCATE system_action, system_outcome, line_closure",
    "UPDATE system_outcome SET outcome = 'KEPT'",
    "DELETE FROM system_outcome",
    "TRUNCATE system_outcome",
]


@pytest.mark.parametrize("statement", CHANGES)
async def test_nobody_changes_the_audit(
    ledger: str, owner: asyncpg.Connection, statement: str
) -> None:
    await owner.execute(ACTION, "VAKA-1", "IYS_WEB")
    with pytest.raises(asyncpg.PostgresError, match="is append-only"):
        await owner.execute(statement)
    async with owner_connection(role_dsn(ledger, "izin_registry")) as service:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(statement)


@pytest.mark.parametrize("reference", ["+905990000001", "kisi@posta.example", "x" * 65])
async def test_the_audit_has_no_room_for_an_address(
    owner: asyncpg.Connection, reference: str
) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="reference_is_short"):
        await owner.execute(ACTION, reference, "IYS_WEB")


async def test_only_the_registrys_own_sources_are_its_actions(owner: asyncpg.Connection) -> None:
    sources = await owner.fetchval("SELECT enum_range(NULL::consent_source)::text[]")
    for source in sources:
        if source.startswith("IYS_"):
            await owner.execute(ACTION, None, source)
        else:
            with pytest.raises(asyncpg.CheckViolationError, match="is_the_registrys"):
                await owner.execute(ACTION, None, source)
