"""Every change of what a check depends on bumps a version, of the brands concerned and no others."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date

import asyncpg
import pytest

from shared.ledger import accounts
from shared.ledger.accounts import NewGrant
from shared.ledger.store import WriterPool
from shared.ledger.subscriptions import remove_subscription
from tests.support.builders import ALL_RIGHTS, HEADER, Scribe, World, consent, new_user

Change = Callable[[WriterPool, World], Awaitable[object]]
FIRST, SECOND = "first brand", "second brand"


@dataclass(frozen=True)
class Case:
    """A change, the brands whose version it bumps, and what the directory says has changed."""

    name: str
    change: Change
    brands: frozenset[str] = frozenset()
    subjects: tuple[str, ...] = ()


def sql(statement: str, *attributes: str) -> Change:
    """Return a raw statement as the registry's role, for what no function does yet."""
    return lambda writer, world: writer.execute(
        statement, *(_attribute(world, name) for name in attributes)
    )


def _attribute(world: World, path: str) -> object:
    value: object = world
    for name in path.split("."):
        value = getattr(value, name)
    return value


CASES = [
    Case(
        "a brand is suspended",
        lambda w, x: accounts.set_state(w, "brand", x.second_brand_code, active=False),
        brands=frozenset({SECOND}),
    ),
    Case(
        "a provider is suspended",
        lambda w, x: accounts.set_state(w, "provider", x.iys_code, active=False),
        brands=frozenset({FIRST, SECOND}),
    ),
    Case(
        "a provider gets an exemption basis",
        sql("UPDATE provider SET exemption_basis = 'BANK' WHERE iys_code = $1", "iys_code"),
        brands=frozenset({FIRST, SECOND}),
    ),
    Case(
        "a brand is renamed",
        sql("UPDATE brand SET name = 'Yeni' WHERE brand_code = $1", "brand_code"),
        brands=frozenset({FIRST}),
    ),
    Case(
        "a header is bound",
        lambda w, x: accounts.bind_header(
            w, brand_code=x.second_brand_code, header="YENI", operators=[]
        ),
        brands=frozenset({SECOND}),
        subjects=("header:YENI",),
    ),
    Case(
        "a header is limited to operators",
        lambda w, x: accounts.bind_header(
            w, brand_code=x.brand_code, header=HEADER, operators=[x.operator_code]
        ),
        brands=frozenset({FIRST}),
        subjects=(f"header:{HEADER}",),
    ),
    Case(
        "a header that another brand has is not bound",
        lambda w, x: accounts.bind_header(
            w, brand_code=x.second_brand_code, header=HEADER, operators=[]
        ),
    ),
    Case(
        "a header is unbound",
        lambda w, x: accounts.unbind_header(w, brand_code=x.brand_code, header=HEADER),
        brands=frozenset({FIRST}),
        subjects=(f"header:{HEADER}",),
    ),
    Case(
        "a header moves to another brand",
        sql("UPDATE header SET brand_code = $1 WHERE header = $2", "second_brand_code", "header"),
        brands=frozenset({FIRST, SECOND}),
        subjects=(f"header:{HEADER}",),
    ),
    Case(
        "a header is respelled",
        sql("UPDATE header SET header = 'BASKA' WHERE header = $1", "header"),
        brands=frozenset({FIRST}),
        subjects=("header:BASKA", f"header:{HEADER}"),
    ),
    Case(
        "an operator is added to a header",
        sql("INSERT INTO header_operator VALUES ($1, $2)", "header", "operator_code"),
        brands=frozenset({FIRST}),
    ),
    Case(
        "a grant is given",
        lambda w, x: accounts.put_grant(
            w,
            brand_code=x.second_brand_code,
            integrator_code=x.integrator_code,
            grant=ALL_RIGHTS,
        ),
        brands=frozenset({SECOND}),
    ),
    Case(
        "a grant is changed",
        lambda w, x: accounts.put_grant(
            w,
            brand_code=x.brand_code,
            integrator_code=x.integrator_code,
            grant=NewGrant("none", "read", "none", reconciliation=False, via=False),
        ),
        brands=frozenset({FIRST}),
    ),
    Case(
        "a grant is withdrawn",
        lambda w, x: accounts.remove_grant(
            w, brand_code=x.brand_code, integrator_code=x.integrator_code
        ),
        brands=frozenset({FIRST}),
    ),
    Case(
        "a retailer is added",
        lambda w, x: accounts.add_retailer(w, brand_code=x.second_brand_code, title="Bayi"),
        brands=frozenset({SECOND}),
    ),
    Case(
        "a retailer is suspended",
        sql("UPDATE retailer SET state = 'SUSPENDED' WHERE retailer_code = $1", "retailer_code"),
        brands=frozenset({FIRST}),
    ),
    Case(
        "a password is changed",
        lambda w, x: accounts.set_secret(w, x.provider.username, "another hash"),
        subjects=("user:provider",),
    ),
    Case(
        "a user is suspended",
        sql("UPDATE api_user SET state = 'SUSPENDED' WHERE user_id = $1", "admin.user_id"),
        subjects=("user:admin",),
    ),
    Case(
        "a long-lived key is taken away",
        sql("UPDATE api_key SET revoked_at = now() WHERE user_id = $1", "operator.user_id"),
        subjects=("user:operator",),
    ),
    Case(
        "an operator is suspended",
        lambda w, x: accounts.set_state(w, "operator", x.operator_code, active=False),
        subjects=("user:operator",),
    ),
    Case(
        "an operator is limited to a brand",
        sql("INSERT INTO operator_brand VALUES ($1, $2)", "operator_code", "brand_code"),
        subjects=("user:operator",),
    ),
    Case(
        "a partner is suspended",
        lambda w, x: accounts.set_state(w, "partner", x.integrator_code, active=False),
        subjects=("user:partner",),
    ),
    Case(
        "a licence gets an end",
        lambda w, x: accounts.set_licence(w, x.integrator_code, date(2026, 1, 1)),
        subjects=("user:partner",),
    ),
    Case(
        "a provider's subscription is closed",
        sql("UPDATE subscription SET state = 'CLOSED' WHERE iys_code = $1", "iys_code"),
        brands=frozenset({FIRST, SECOND}),
    ),
    Case(
        "a provider's subscription is taken away",
        lambda w, x: remove_subscription(w, "provider", x.iys_code),
        brands=frozenset({FIRST, SECOND}),
    ),
    Case(
        "a partner's subscription is taken away",
        lambda w, x: remove_subscription(w, "partner", x.integrator_code),
        subjects=("user:partner",),
    ),
    Case(
        "nothing that exists is suspended",
        lambda w, _x: accounts.set_state(w, "brand", 1, active=False),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_change_bumps_exactly_what_it_concerns(
    owner: asyncpg.Connection, writer: WriterPool, world: World, case: Case
) -> None:
    before = await _versions(owner, world)
    version = await owner.fetchval("SELECT directory_version FROM ledger_state")
    await case.change(writer, world)
    after = await _versions(owner, world)
    assert {name for name in after if after[name] > before[name]} == case.brands
    assert await _subjects(owner, world, version) == set(case.subjects)


async def test_taking_a_brand_from_an_operator_changes_its_user(
    owner: asyncpg.Connection, writer: WriterPool, world: World
) -> None:
    pair = (world.operator_code, world.brand_code)
    await writer.execute("INSERT INTO operator_brand VALUES ($1, $2)", *pair)
    version = await owner.fetchval("SELECT directory_version FROM ledger_state")
    await writer.execute("DELETE FROM operator_brand WHERE operator_code = $1", pair[0])
    assert await _subjects(owner, world, version) == {"user:operator"}


async def test_taking_an_operator_from_a_header_bumps_its_brand(
    owner: asyncpg.Connection, writer: WriterPool, world: World
) -> None:
    await writer.execute("INSERT INTO header_operator VALUES ($1, $2)", HEADER, world.operator_code)
    before = await _versions(owner, world)
    await writer.execute("DELETE FROM header_operator WHERE header = $1", HEADER)
    after = await _versions(owner, world)
    assert after[FIRST] > before[FIRST]


async def test_a_new_user_is_noticed_by_who_remembers_that_there_was_none(
    owner: asyncpg.Connection, writer: WriterPool
) -> None:
    user_id = await accounts.add_user(writer, new_user("admin"))
    assert await owner.fetchval("SELECT subject FROM directory_change") == f"user:{user_id}"


async def test_a_new_brand_begins_with_a_head_of_its_own(
    owner: asyncpg.Connection, world: World
) -> None:
    assert await owner.fetchval("SELECT count(*) FROM brand_head") == 2
    assert (await _versions(owner, world))[SECOND] == 1


@pytest.mark.parametrize(
    ("column", "value", "grows"),
    [
        ("secret_hash", "'other'", 1),
        ("api_key_digest", r"'\x00'", 1),
        ("state", "'SUSPENDED'", 1),
        ("username", "'other'", 0),
    ],
)
async def test_an_epoch_grows_with_whatever_ends_tokens(
    owner: asyncpg.Connection, world: World, column: str, value: str, grows: int
) -> None:
    await owner.execute(
        f"UPDATE api_user SET {column} = {value} WHERE user_id = $1",  # noqa: S608  # constants
        world.admin.user_id,
    )
    epoch = await owner.fetchval(
        "SELECT epoch FROM api_user WHERE user_id = $1", world.admin.user_id
    )
    assert epoch == grows


async def test_a_consent_moves_the_position_and_no_version(
    owner: asyncpg.Connection, scribe: Scribe, world: World
) -> None:
    before = await _versions(owner, world)
    await scribe.write(world.brand_code, consent())
    assert await _versions(owner, world) == before


async def _versions(owner: asyncpg.Connection, world: World) -> dict[str, int]:
    rows = await owner.fetch("SELECT brand_code, authority_version FROM brand_head")
    versions = {row["brand_code"]: row["authority_version"] for row in rows}
    return {FIRST: versions[world.brand_code], SECOND: versions[world.second_brand_code]}


async def _subjects(owner: asyncpg.Connection, world: World, after: int) -> set[str]:
    """Return what the directory says has changed, users by the name of their role."""
    rows = await owner.fetch("SELECT subject FROM directory_change WHERE version > $1", after)
    roles = {
        f"user:{login.user_id}": f"user:{role}"
        for role, login in {
            "provider": world.provider,
            "partner": world.partner,
            "operator": world.operator,
            "admin": world.admin,
        }.items()
    }
    return {roles.get(row["subject"], row["subject"]) for row in rows}
