"""Migrations: once each, under one lock, never another text under an old name."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from shared.ledger.failures import LedgerUnavailableError
from shared.ledger.migrate import (
    SERVICE_ROLES,
    SchemaMismatchError,
    migrate,
    migration_files,
    require_schema,
)
from shared.ledger.store import connect, open_reader, open_writer, role_dsn, role_password
from tests.support.ledger import (
    database,
    own_server,
    owner_connection,
    until_waiting,
    with_database,
)

PASSWORD = "p@ss/word of the owner"  # of a server that lives for one test
PASSWORD_HBA = """
local all izin_owner trust
local all all        scram-sha-256
"""


async def test_migrating_twice_is_harmless(empty_database: str) -> None:
    assert await migrate(empty_database) == [path.stem for path in migration_files()]
    assert await migrate(empty_database) == []


async def test_a_second_migration_waits_for_the_first_and_finds_nothing_left(
    empty_database: str,
) -> None:
    """Two releases start at once. Without the lock both would create the first table."""
    applied = await asyncio.gather(*(migrate(empty_database) for _ in range(3)))
    assert sorted(map(len, applied)) == [0, 0, len(migration_files())]


async def test_two_databases_of_one_server_migrate_at_once(tmp_path: Path) -> None:
    """Roles belong to the server: both find one missing, and the slower one must not fail.

    Advisory locks do not help, for they belong to one database. The faster one is played by hand, so
    that it is half-way for sure.
    """
    with own_server(tmp_path / "server") as (server_dsn, _):
        async with (
            database(server_dsn) as dsn,
            owner_connection(server_dsn) as watcher,
            owner_connection(dsn) as faster,
        ):
            async with faster.transaction():
                await faster.execute("CREATE ROLE izin_check LOGIN")
                slower = asyncio.create_task(migrate(server_dsn))
                await until_waiting(watcher)
            assert len(await slower) == len(migration_files())


async def test_a_new_function_is_nobodys_before_the_grants(fresh_ledger: str) -> None:
    """Grants come after all migrations: what one of them makes must not be open to all in between."""
    async with owner_connection(fresh_ledger) as owner:
        await owner.execute("CREATE FUNCTION powerful() RETURNS void LANGUAGE sql AS 'SELECT'")
        for role in SERVICE_ROLES:
            may = await owner.fetchval(
                "SELECT has_function_privilege($1, 'powerful()', 'EXECUTE')", role
            )
            assert not may, role


async def test_a_migration_that_changed_after_it_ran_is_refused(fresh_ledger: str) -> None:
    async with owner_connection(fresh_ledger) as owner:
        await owner.execute("UPDATE schema_migration SET checksum = 'another'")
    with pytest.raises(SchemaMismatchError, match="0001_expand_ledger"):
        await migrate(fresh_ledger)


async def test_a_migration_that_fails_leaves_nothing_and_can_be_repeated(
    empty_database: str,
) -> None:
    async with owner_connection(empty_database) as owner:
        await owner.execute("CREATE TABLE extent (in_the_way integer)")
        with pytest.raises(asyncpg.DuplicateTableError):
            await migrate(empty_database)
        assert await owner.fetchval("SELECT to_regclass('movement')") is None
        await owner.execute("DROP TABLE extent")
    assert await migrate(empty_database) == [path.stem for path in migration_files()]


async def test_a_service_refuses_an_older_schema(fresh_ledger: str) -> None:
    async with owner_connection(fresh_ledger) as owner:
        await owner.execute("DELETE FROM schema_migration WHERE name LIKE '0002%'")
        with pytest.raises(SchemaMismatchError, match=r"0002_expand_append.*izin migrate"):
            await require_schema(owner)


async def test_a_service_refuses_a_database_that_was_never_migrated(empty_database: str) -> None:
    async with owner_connection(empty_database) as owner:
        with pytest.raises(SchemaMismatchError, match="izin migrate"):
            await require_schema(owner)


@pytest.mark.parametrize("role", SERVICE_ROLES)
async def test_a_service_accepts_a_newer_schema(fresh_ledger: str, role: str) -> None:
    async with owner_connection(fresh_ledger) as owner:
        await owner.execute("INSERT INTO schema_migration VALUES ('9999_expand_future', '')")
    async with owner_connection(role_dsn(fresh_ledger, role)) as service:
        await require_schema(service)


async def test_roles_sign_in_with_the_passwords_derived_from_the_owners(tmp_path: Path) -> None:
    with own_server(tmp_path / "server", hba=PASSWORD_HBA) as (server_dsn, _):
        async with owner_connection(server_dsn) as owner:
            await owner.execute(f"ALTER ROLE izin_owner PASSWORD '{PASSWORD}'")
        dsn = server_dsn.replace("izin_owner@", "izin_owner:p%40ss%2Fword of the owner@")
        assert role_password(dsn, "izin_check") != role_password(dsn, "izin_registry")
        await migrate(dsn)
        for role in SERVICE_ROLES:
            async with owner_connection(role_dsn(dsn, role)) as service:
                assert await service.fetchval("SELECT current_user") == role
        with pytest.raises(LedgerUnavailableError):
            await connect(role_dsn(server_dsn, "izin_check"))
        with pytest.raises(LedgerUnavailableError):
            async with open_reader(role_dsn(server_dsn, "izin_check"), size=1):
                pass


def test_where_the_owner_needs_no_password_the_roles_need_none() -> None:
    dsn = "postgresql://izin_owner@/izin?host=%2Ftmp%2Frun&port=5432"
    assert role_password(dsn, "izin_check") is None
    assert (
        role_dsn(dsn, "izin_check") == "postgresql://izin_check@/izin?host=%2Ftmp%2Frun&port=5432"
    )


async def test_a_database_that_is_not_there_is_an_unavailable_ledger(server_dsn: str) -> None:
    nowhere = with_database(server_dsn, "nowhere")
    with pytest.raises(LedgerUnavailableError):
        async with open_writer(nowhere, size=1):
            pass
    with pytest.raises(LedgerUnavailableError):
        await migrate(nowhere)


async def test_a_server_that_is_not_there_is_an_unavailable_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailableError):
        async with open_reader(f"postgresql://izin_check@/izin?host={tmp_path}", size=1):
            pass
