"""Who was there before subscriptions has one, and the schema keeps each to its subscriber."""

import asyncpg
import pytest

from shared.domain.subscription import NO_END, SubscriptionState
from shared.ledger import accounts, migrate
from shared.ledger.directory import read_brand
from shared.ledger.failures import ConstraintBrokenError, UnknownReferenceError
from shared.ledger.store import ReaderPool, WriterPool
from shared.ledger.subscriptions import (
    NewSubscription,
    put_subscription,
    read_subscription,
    remove_subscription,
)
from tests.support.builders import NOW, World
from tests.support.ledger import owner_connection

NEW = NewSubscription(
    package="İleti-5",
    with_api=True,
    state=SubscriptionState.PAUSED,
    starts_at=NOW,
    ends_at=NO_END,
    consent_limit=5,
    may_exceed=False,
)


async def test_who_was_there_before_is_subscribed(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = migrate.migration_files()
    before = [file for file in files if file.stem < "0007"]
    monkeypatch.setattr(migrate, "migration_files", lambda: before)
    monkeypatch.setattr(migrate, "_apply_roles", _nothing)
    await migrate.migrate(empty_database)
    async with owner_connection(empty_database) as owner:
        await owner.execute(
            "INSERT INTO provider (iys_code, title, tax_number) VALUES (1, 'A', '1234567890')"
        )
        await owner.execute("INSERT INTO brand (brand_code, iys_code, name) VALUES (1, 1, 'A')")
        await owner.execute("INSERT INTO partner (integrator_code, title) VALUES (2, 'B')")
        monkeypatch.undo()
        await migrate.migrate(empty_database)
        rows = await owner.fetch(
            """SELECT s.iys_code, s.integrator_code, s.state, s.with_api, s.ends_at, s.consent_limit,
                      s.starts_at = COALESCE(p.created_at, i.created_at) AS from_the_first_day
                 FROM subscription AS s
                 LEFT JOIN provider AS p ON p.iys_code = s.iys_code
                 LEFT JOIN partner AS i ON i.integrator_code = s.integrator_code
                ORDER BY s.iys_code"""
        )
    assert [tuple(row) for row in rows] == [
        (1, None, "ACTIVE", True, NO_END, None, True),
        (None, 2, "ACTIVE", True, NO_END, None, True),
    ]


async def _nothing(_connection: object, _dsn: str) -> None:
    """Leave roles alone: the grants name what is not there yet."""


async def test_a_new_provider_and_a_new_partner_have_one(reader: ReaderPool, world: World) -> None:
    brand = await read_brand(reader, world.second_brand_code)
    assert brand is not None
    assert brand.subscription is not None
    assert brand.subscription.is_open_at(NOW)
    for kind, code in (("provider", world.iys_code), ("partner", world.integrator_code)):
        exists, subscription = await read_subscription(reader, kind, code)
        assert exists
        assert subscription is not None
        assert (subscription.package, subscription.ends_at) == ("izin", NO_END)
    assert await read_subscription(reader, "provider", 1) == (False, None)


async def test_a_subscription_is_replaced_and_keeps_its_id(
    reader: ReaderPool, writer: WriterPool, world: World
) -> None:
    _exists, before = await read_subscription(reader, "provider", world.iys_code)
    await put_subscription(writer, "provider", world.iys_code, NEW)
    _exists, after = await read_subscription(reader, "provider", world.iys_code)
    assert before is not None
    assert after is not None
    assert after.subscription_id == before.subscription_id
    assert (after.package, after.state, after.consent_limit) == (
        "İleti-5",
        SubscriptionState.PAUSED,
        5,
    )
    assert await remove_subscription(writer, "provider", world.iys_code)
    assert not await remove_subscription(writer, "provider", world.iys_code)
    assert await read_subscription(reader, "provider", world.iys_code) == (True, None)


async def test_nobody_s_and_a_partner_s_quota_are_refused(writer: WriterPool, world: World) -> None:
    with pytest.raises(UnknownReferenceError):
        await put_subscription(writer, "provider", 1, NEW)
    with pytest.raises(ConstraintBrokenError):
        await put_subscription(writer, "partner", world.integrator_code, NEW)


@pytest.mark.parametrize(
    "change",
    [
        "integrator_code = (SELECT min(integrator_code) FROM partner)",
        "iys_code = NULL",
        "ends_at = starts_at",
        "consent_limit = -1",
        "package = NULL",
    ],
)
async def test_the_schema_refuses_what_means_nothing(
    owner: asyncpg.Connection, world: World, change: str
) -> None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await owner.execute(
            f"UPDATE subscription SET {change} WHERE iys_code = $1",  # noqa: S608  # constants
            world.iys_code,
        )


async def test_a_brand_that_comes_later_has_its_provider_s(
    reader: ReaderPool, writer: WriterPool, world: World
) -> None:
    await put_subscription(writer, "provider", world.iys_code, NEW)
    code = await accounts.add_brand(writer, iys_code=world.iys_code, name="Sonraki")
    brand = await read_brand(reader, code)
    assert brand is not None
    assert brand.subscription is not None
    assert brand.subscription.state is SubscriptionState.PAUSED
