"""Changing what is said about an account that exists. What is left out (None) stays as it is."""

from collections.abc import Sequence
from typing import LiteralString

from shared.ledger.account_change import account_change
from shared.ledger.store import WriterPool

CHANGE_PROVIDER: LiteralString = """
    UPDATE provider
       SET title = COALESCE($2, title),
           tax_number = COALESCE($3, tax_number),
           mersis = COALESCE($4, mersis),
           exemption_basis = CASE WHEN $5 THEN $6 ELSE exemption_basis END
     WHERE iys_code = $1
"""


async def change_provider(  # noqa: PLR0913  # one argument per field
    pool: WriterPool,
    iys_code: int,
    *,
    title: str | None = None,
    tax_number: str | None = None,
    mersis: str | None = None,
    exemption_basis: str | None = None,
    clear_exemption: bool = False,
    actor: int | None = None,
) -> bool:
    """Change a provider; `clear_exemption` takes its legal basis away. False: there is no such provider."""
    async with account_change(pool, actor) as connection:
        done = await connection.execute(
            CHANGE_PROVIDER,
            iys_code,
            title,
            tax_number,
            mersis,
            clear_exemption or exemption_basis is not None,
            exemption_basis,
        )
        return done == "UPDATE 1"


RENAME_BRAND: LiteralString = "UPDATE brand SET name = $2 WHERE brand_code = $1"


async def rename_brand(
    pool: WriterPool, brand_code: int, name: str, *, actor: int | None = None
) -> bool:
    """Give a brand another name; False: there is no such brand."""
    async with account_change(pool, actor) as connection:
        return await connection.execute(RENAME_BRAND, brand_code, name) == "UPDATE 1"


RENAME_PARTNER: LiteralString = "UPDATE partner SET title = $2 WHERE integrator_code = $1"


async def rename_partner(
    pool: WriterPool, integrator_code: int, title: str, *, actor: int | None = None
) -> bool:
    """Give a partner another title; False: there is no such partner."""
    async with account_change(pool, actor) as connection:
        return await connection.execute(RENAME_PARTNER, integrator_code, title) == "UPDATE 1"


CHANGE_OPERATOR: LiteralString = """
    UPDATE operator
       SET title = COALESCE($2, title), every_brand = COALESCE($3, every_brand)
     WHERE operator_code = $1
"""
OTHER_BRANDS_GO: LiteralString = """
    DELETE FROM operator_brand WHERE operator_code = $1 AND brand_code <> ALL ($2::integer[])
"""
NEW_BRANDS_COME: LiteralString = """
    INSERT INTO operator_brand (operator_code, brand_code)
    SELECT $1, unnest($2::integer[])
        ON CONFLICT ON CONSTRAINT operator_brand_pkey DO NOTHING
"""


async def change_operator(
    pool: WriterPool,
    operator_code: int,
    *,
    title: str | None = None,
    every_brand: bool | None = None,
    brands: Sequence[int] | None = None,
    actor: int | None = None,
) -> bool:
    """Change an operator, and for which brands it may ask; False: there is no such operator.

    With `every_brand` its list is emptied; `brands` is the whole list. Raises UnknownReferenceError.
    """
    async with account_change(pool, actor) as connection:
        done = await connection.execute(CHANGE_OPERATOR, operator_code, title, every_brand)
        if done != "UPDATE 1":
            return False
        wanted: Sequence[int] | None = () if every_brand else brands
        if wanted is not None:
            codes = sorted(set(wanted))
            await connection.execute(OTHER_BRANDS_GO, operator_code, codes)
            await connection.execute(NEW_BRANDS_COME, operator_code, codes)
        return True


SET_USER_STATE: LiteralString = "UPDATE api_user SET state = $2 WHERE username = $1"


async def set_user_state(
    pool: WriterPool, username: str, *, active: bool, actor: int | None = None
) -> bool:
    """Suspend or restore a user; its tokens end at once. False: there is no such user."""
    async with account_change(pool, actor) as connection:
        state = "ACTIVE" if active else "SUSPENDED"
        return await connection.execute(SET_USER_STATE, username, state) == "UPDATE 1"
