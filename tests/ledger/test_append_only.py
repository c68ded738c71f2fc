"""Nobody has UPDATE or DELETE on the truth: not by privilege, and not even the owner (design 4)."""

import asyncpg
import pytest

from shared.ledger.evidence import Declaration, append_evidence
from shared.ledger.migrate import SERVICE_ROLES
from shared.ledger.store import ReaderPool, role_dsn
from tests.support.builders import NOW, Scribe, World, consent
from tests.support.ledger import owner_connection

CHANGES = {
    "movement": "UPDATE movement SET status = 'ONAY'",
    "extent": "UPDATE extent SET created_at = now()",
    "check_evidence": "UPDATE check_evidence SET reason = ''",
}
STATEMENTS = [
    statement
    for table, update in CHANGES.items()
    for statement in (update, f"DELETE FROM {table}", f"TRUNCATE {table}")  # noqa: S608  # constants
]


@pytest.fixture(autouse=True)
async def something_to_lose(reader: ReaderPool, scribe: Scribe, world: World) -> None:
    await scribe.write(world.brand_code, consent())
    declaration = Declaration(
        NOW,
        world.operator.user_id,
        world.brand_code,
        "MESAJ",
        "LEGAL_NOTICE",
        1,
        b"d" * 16,
        "EXEMPT",
    )
    await append_evidence(reader, [declaration])


@pytest.mark.parametrize("role", SERVICE_ROLES)
@pytest.mark.parametrize("statement", STATEMENTS)
async def test_no_service_may_change_what_was_appended(
    ledger: str, role: str, statement: str
) -> None:
    async with owner_connection(role_dsn(ledger, role)) as service:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(statement)


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_not_even_the_owner_changes_what_was_appended(
    owner: asyncpg.Connection, statement: str
) -> None:
    with pytest.raises(asyncpg.PostgresError, match="is append-only") as refused:
        await owner.execute(statement)
    assert refused.value.sqlstate == "IZ003"


async def test_a_change_of_no_row_is_refused_too(owner: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.PostgresError, match="is append-only"):
        await owner.execute("DELETE FROM movement WHERE false")
