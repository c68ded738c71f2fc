"""Operators and what they send under: their codes, and the headers that they are asked to use."""

from dataclasses import dataclass
from typing import LiteralString

from shared.ledger.account_change import account_change
from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool, WriterPool

TIMEOUT_S = 5


SENDER_CODE: LiteralString = "SELECT sender_code FROM operator WHERE operator_code = $1"


async def read_sender_code(pool: ReaderPool, operator_code: int) -> str | None:
    """Return the code that an operator sends under (regulation E10), by its primary key; None: none."""
    async with ledger_errors():
        code: str | None = await pool.fetchval(SENDER_CODE, operator_code, timeout=TIMEOUT_S)
        return code


SET_SENDER_CODE: LiteralString = """
    UPDATE operator SET sender_code = $2 WHERE operator_code = $1
"""


async def set_sender_code(
    pool: WriterPool, operator_code: int, sender_code: str | None, *, actor: int | None = None
) -> bool:
    """Assign or (None) take away the code that ends an operator's messages; False: no such operator.

    Raises AlreadyExistsError when another operator has it.
    """
    async with account_change(pool, actor) as connection:
        done = await connection.execute(SET_SENDER_CODE, operator_code, sender_code)
        return done == "UPDATE 1"


@dataclass(frozen=True, slots=True)
class HeaderCard:
    """Whose header it is."""

    header: str
    brand_code: int
    brand_name: str
    iys_code: int
    provider_title: str


HEADER_CARD: LiteralString = """
    SELECT h.header, b.brand_code, b.name, p.iys_code, p.title
      FROM header AS h
      JOIN brand AS b ON b.brand_code = h.brand_code
      JOIN provider AS p ON p.iys_code = b.iys_code
     WHERE h.header = $1
"""


async def read_header_card(pool: ReaderPool, header: str) -> HeaderCard | None:
    """Return whose header it is, by primary keys; None: nobody's."""
    async with ledger_errors():
        row = await pool.fetchrow(HEADER_CARD, header, timeout=TIMEOUT_S)
    return None if row is None else HeaderCard(*row)
